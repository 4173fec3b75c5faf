"""Limits, and the plain values that a supervisor gets."""

from __future__ import annotations

from envgym.sandboxes import Limits
from envgym.sandboxes.supervisor.messages import ProgramLimits


def test_a_supervisor_gets_every_limit_under_its_name() -> None:
    assert ProgramLimits.__annotations__.keys() == Limits.model_fields.keys()
    assert Limits(wall_s=3).values() == Limits(wall_s=3).model_dump()
