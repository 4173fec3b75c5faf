"""TensorBoard event files of a run's metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from envgym.trainers.hooks.base import Hook
from envgym.trainers.plugin import register


@register("tensorboard")
class TensorBoard(Hook):
    """Hook that writes every metric as a scalar to ``tensorboard/`` in the run's folder."""

    _writer: Any = PrivateAttr(None)

    def begin(self, directory: Path, step: int) -> None:
        """Open the event file; drop later steps that an interrupted run wrote."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(directory / "tensorboard"), purge_step=step + 1)

    def step_end(self, step: int, metrics: dict[str, float]) -> None:
        """Write the scalars of one step."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def end(self) -> None:
        """Flush and close the event file."""
        if self._writer is not None:
            self._writer.close()
