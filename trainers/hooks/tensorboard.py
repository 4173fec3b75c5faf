"""Metrics for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from envgym.trainers.hooks.base import Hook
from envgym.trainers.plugin import register


@register("tensorboard")
class TensorBoard(Hook):
    """Writes every metric as a scalar to ``tensorboard/`` in the run's folder."""

    name: str = "tensorboard"
    _writer: Any = PrivateAttr(None)

    def begin(self, directory: Path, step: int) -> None:
        """Open the event file; what an earlier sitting wrote of later steps is dropped."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(directory / "tensorboard"), purge_step=step + 1)

    def step_end(self, step: int, metrics: dict[str, float]) -> None:
        """Write a step's scalars."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def end(self) -> None:
        """Flush and close."""
        if self._writer is not None:
            self._writer.close()
