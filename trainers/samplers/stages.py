"""Curriculum of stages: one sampler after another, each for a number of steps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SerializeAsAny

from envgym.task import Task
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import entry, register
from envgym.trainers.samplers.base import Sampler
from envgym.trainers.samplers.uniform import Uniform


class Stage(BaseModel):
    """One stage of a curriculum."""

    model_config = ConfigDict(extra="forbid")

    steps: int | None = Field(
        None, ge=1, description="Number of steps of the stage; null, in the last one, for the rest."
    )
    sampler: Annotated[SerializeAsAny[Sampler], entry("sampler")] = Field(
        default_factory=Uniform, description="Plug-in that draws the tasks of the stage."
    )
    group_size: int | None = Field(
        None, ge=1, description="Number of episodes per task; null takes rollout.group_size."
    )


@register("stages")
class Stages(Sampler):
    """Draws by the sampler of the stage that the step is in; all samplers observe all rounds.

    DRIVE: a stage over all tasks, then ones over the hardest tasks that it measured, in larger
    groups (`pass_rate_window` with ``hardest``). AceReason: tasks of one kind, then of another, and
    a stricter window on the success rate each time. The last stage goes on to the end of the run.

    Trap: DRIVE's ablations: the hard stage alone is worse than both, and over all tasks instead of
    the hardest it hurts.
    """

    stages: list[Stage] = Field(min_length=1, description="Stages of the curriculum, in order.")
    _steps: int = PrivateAttr(0)

    def draw(
        self, source: Sequence[Task], count: int, seed: str, taken: Collection[str] = ()
    ) -> list[Task]:
        """Draw `count` tasks by the stage's sampler."""
        self._steps += not taken  # a step's first round
        return self.stage.sampler.draw(source, count, seed, taken)

    @property
    def stage(self) -> Stage:
        """Stage of the step that was drawn last."""
        left = self._steps
        for stage in self.stages:
            left -= stage.steps or left
            if left <= 0:
                return stage
        return self.stages[-1]

    def observe(self, groups: Sequence[Group]) -> None:
        """Let the samplers of all stages observe: a later one may need what an earlier one saw."""
        for stage in self.stages:
            stage.sampler.observe(groups)

    def group_size(self, default: int) -> int:
        """Number of episodes per task in the stage."""
        return self.stage.group_size or self.stage.sampler.group_size(default)

    def report(self) -> dict[str, float]:
        """Number of the stage, from 1, and what its sampler reports."""
        number = next(i for i, stage in enumerate(self.stages, 1) if stage is self.stage)
        return {"sampler/stage": float(number), **self.stage.sampler.report()}

    def check_source(self, source: Sequence[Task]) -> None:
        """Check the source for the samplers of all stages."""
        for stage in self.stages:
            stage.sampler.check_source(source)

    def conflict(self, config: Any) -> str | None:
        """Report a stage that never ends before another, or one whose sampler does not fit."""
        for number, stage in enumerate(self.stages, 1):
            if stage.steps is None and number < len(self.stages):
                return f"stage {number} has no steps, and stage {number + 1} never comes: set steps"
            if stage.group_size == 1 and config.rollout.dynamic_rounds > 1:
                return (
                    f"stage {number} has groups of one, in which no rewards differ: set its "
                    "group_size to 2 or more, or rollout.dynamic_rounds to 1"
                )
            if conflict := stage.sampler.conflict(config):
                return f"stage {number}, sampler {stage.sampler.name!r}: {conflict}"
        return None

    def state(self) -> dict[str, Any]:
        """Number of steps drawn, and the states of the samplers."""
        samplers = [stage.sampler.state() for stage in self.stages]
        return {"steps": self._steps, "samplers": samplers}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the step and the samplers."""
        self._steps = state["steps"]
        for stage, kept in zip(self.stages, state["samplers"], strict=True):
            stage.sampler.load(kept)
