"""The hook's interface."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from envgym.trainers.plugin import Plugin


class Hook(Plugin):
    """Looks on, at fixed moments."""

    point: ClassVar[str] = "hook"

    def begin(self, directory: Path, step: int) -> None:
        """The run begins in `directory`, or goes on after `step`."""

    def step_end(self, step: int, metrics: dict[str, float]) -> None:
        """A step is done; `metrics` are those of ``metrics.jsonl``."""

    def end(self) -> None:
        """The run is over or was interrupted."""
