"""Schedules of environment arguments: the value of an argument as a function of the step.

Noise that grows (ZeroSearch, arXiv 2505.04588) and help that fades (QWeb, arXiv 1812.09195) are
arguments that change while a run goes on. A value depends on the step alone, so that a resumed run
goes on as if it had not stopped.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Ramp(BaseModel):
    """Number that moves from ``start`` to ``end``: v_i = start + f(i / steps) (end - start).

    Linear: f(x) = x. Power: f(x) = (b^x - 1) / (b - 1), slow first and fast last for b > 1. From
    step i = ``steps`` on, the value is ``end``.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["linear", "power"]
    start: float = Field(description="Value of the argument in the first step.")
    end: float = Field(description="Value of the argument after the last step of the schedule.")
    steps: int = Field(ge=1, description="Number of steps until the value is `end`.")
    base: float = Field(
        4.0, gt=0, description="Base b of the power, in which 1 is linear; linear ignores it."
    )
    interval: int = Field(
        1,
        ge=1,
        description="Number of steps between changes of the value; each makes environments anew.",
    )

    def value(self, step: int | None) -> float:
        """Value at a step, counted from 0; at the end of the schedule for None."""
        if step is None or step >= self.steps:
            return self.end
        share = (step - step % self.interval) / self.steps
        if self.kind == "power" and self.base != 1:
            share = (self.base**share - 1) / (self.base - 1)
        return self.start + share * (self.end - self.start)


class Listed(BaseModel):
    """Values of any kind by the step that each begins at: ``values: {0: [1], 50: [1, 2]}``."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["listed"]
    values: dict[int, Any] = Field(
        description="Value of the argument from each step on; the first step is 0."
    )

    @field_validator("values")
    @classmethod
    def _from_the_start(cls, values: dict[int, Any]) -> dict[int, Any]:
        if 0 not in values or min(values) < 0:
            raise ValueError("the first value is that from step 0 on: give one for 0")
        return values

    def value(self, step: int | None) -> Any:
        """Value at a step, counted from 0; the last one for None."""
        return self.values[max(s for s in self.values if step is None or s <= step)]


ArgumentSchedule = Annotated[Ramp | Listed, Field(discriminator="kind")]
