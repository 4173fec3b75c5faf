"""The contract of environments, held by real tools in real boxes."""

from __future__ import annotations

import pytest

from envgym.pytest_plugin import envgym_checks
from tests.environments.verilog.conftest import CHECKED

test_contract = pytest.mark.usefixtures("one_toolchain")(
    envgym_checks("verilog/design-v1", episodes=2, company=40, **CHECKED)
)
