"""What a test needs of the machine: a skip that names it, a failure where all is required."""

from __future__ import annotations

import os

import pytest


def need(there: bool, what: str) -> None:
    """Skip unless it is there; fail where ENVGYM_REQUIRE_ALL=1."""
    if there:
        return
    if os.environ.get("ENVGYM_REQUIRE_ALL") == "1":
        pytest.fail(f"{what}, or unset ENVGYM_REQUIRE_ALL to skip")
    pytest.skip(what)
