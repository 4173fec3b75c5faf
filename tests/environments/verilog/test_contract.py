"""The contract of environments, held by real tools in real boxes."""

from __future__ import annotations

from envgym.pytest_plugin import envgym_checks

test_contract = envgym_checks(
    "verilog/design-v1", episodes=2, company=20, sequences=2, steps=40
)
