"""Environment section of a run's config: the id, its arguments, and those that follow the step."""

from __future__ import annotations

from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from envgym.trainers.argument_schedule import ArgumentSchedule, Ramp


class EnvSection(BaseModel):
    """Environment of a run: its id and the arguments of its constructor."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(description="Registered id, or the ws:// address of a served environment.")
    schedule: dict[str, ArgumentSchedule] = Field(
        default_factory=dict,
        description="Arguments of training that change with the step, by name. The warm start has "
        "their first values, evaluations the last.",
    )

    @model_validator(mode="after")
    def _once(self) -> EnvSection:
        if twice := self.schedule.keys() & self.kwargs.keys():
            raise ValueError(
                f"the argument {min(twice)!r} has a value and a schedule: leave one of them out"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_empty_schedule(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the id and the arguments alone, where none changes."""
        written: dict[str, Any] = write(self)
        if not self.schedule:
            del written["schedule"]
        return written

    @property
    def kwargs(self) -> dict[str, Any]:
        """Arguments of the environment's constructor that stay the same."""
        return dict(self.model_extra or {})

    def arguments(self, step: int | None = 0) -> dict[str, Any]:
        """All arguments at a step of training, counted from 0; after the last one for None."""
        return self.kwargs | {name: s.value(step) for name, s in self.schedule.items()}

    def report(self, step: int) -> dict[str, float]:
        """Metrics of a step, named ``schedule/…``: the arguments that are ramps."""
        return {
            f"schedule/{name}": ramp.value(step)
            for name, ramp in self.schedule.items()
            if isinstance(ramp, Ramp)
        }
