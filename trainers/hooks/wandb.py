"""Metrics of a run in Weights & Biases."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from envgym.trainers.hooks.tracking import TrackingHook, recorded_config
from envgym.trainers.plugin import register


@register("wandb")
class Wandb(TrackingHook):
    """Hook that sends every metric and the config to Weights & Biases.

    Its files are in ``wandb/`` in the run's folder. In offline mode each resumption writes a folder
    of its own there, under one run id: ``wandb sync wandb/offline-run-*`` joins them.

    Trap: wandb drops steps below its last one, which a resumed run sends again. So steps are a
    metric of their own, the x-axis of all others.
    """

    package: ClassVar[str] = "wandb"

    entity: str | None = Field(None, description="User or team that owns the project.")
    mode: Literal["online", "offline", "disabled"] | None = Field(
        None, description="Mode of wandb; null takes $WANDB_MODE, and online without it."
    )

    def open(self, tracker: Any, directory: Path, run_id: str) -> Any:
        """Open the run; the x-axis of every metric is the step."""
        run = tracker.init(
            project=self.project,
            entity=self.entity,
            name=self.shown_name(directory),
            id=run_id,
            resume="allow",
            dir=str(directory),
            mode=self.mode,
            config=recorded_config(directory),
            settings=tracker.Settings(console="off"),
        )
        run.define_metric("*", step_metric="step")
        return run

    def step_end(self, step: int, metrics: dict[str, float]) -> None:
        """Send the metrics of one step."""
        self._run.log({"step": step, **metrics})
