"""Interface of hooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from envgym.trainers.plugin import Plugin
from envgym.trajectory import Episode

if TYPE_CHECKING:
    from envgym.trainers.loop import Trainer


class Hook(Plugin):
    """Plug-in called at fixed moments of a run; only `change` may change anything."""

    point: ClassVar[str] = "hook"

    def begin(self, directory: Path, step: int) -> None:
        """Handle the start of a run in `directory`, or its resumption after `step`."""

    def step_end(self, step: int, metrics: dict[str, float]) -> None:
        """Handle the end of a step; `metrics` are those of ``metrics.jsonl``."""

    def episodes_played(self, step: int, episodes: Sequence[Episode]) -> None:
        """Handle a step's episodes, quarantined ones (with a `fault`) included."""

    async def change(self, trainer: Trainer) -> dict[str, float]:
        """Handle the moment before the first step and after each; return metrics of the step.

        It may change the policy's weights, and then lets the agent know (`update_weights`).
        """
        return {}

    def end(self) -> None:
        """Handle the end or the interruption of the run."""
