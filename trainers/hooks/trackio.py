"""Metrics of a run in trackio: a local database, or a Hugging Face Space."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from envgym.trainers.hooks.tracking import TrackingHook, recorded_config
from envgym.trainers.plugin import register


@register("trackio")
class Trackio(TrackingHook):
    """Hook that sends every metric and the config to trackio; ``trackio show`` displays them.

    The database is in trackio's own folder (``$TRACKIO_DIR``), common to all runs.

    Trap: trackio finds a run to resume by its name, so the name here ends with the run's id.
    """

    package: ClassVar[str] = "trackio"

    space_id: str | None = Field(
        None, description="Hugging Face Space to send to (user/name); null stays on this machine."
    )

    def open(self, tracker: Any, directory: Path, run_id: str) -> Any:
        """Open the run."""
        return tracker.init(
            project=self.project,
            name=f"{self.shown_name(directory)}-{run_id}",
            space_id=self.space_id,
            config=recorded_config(directory),
            resume="allow",
            embed=False,
        )

    def step_end(self, step: int, metrics: dict[str, float]) -> None:
        """Send the metrics of one step."""
        self._run.log(metrics, step=step)
