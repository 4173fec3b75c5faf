"""Journal of a run: how far it is, its evaluations, and its metrics file."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Journal:
    """Journal of a run: its stage, evaluations and time, and its metrics file.

    Attributes:
        between_steps: Whether the weights are those after a whole step, to save when interrupted.
    """

    directory: Path
    evaluations: dict[str, Any] = field(default_factory=dict)
    stage: str = "new"
    spent_s: float = 0.0
    began: float = field(default_factory=time.monotonic)
    between_steps: bool = True

    @property
    def progress(self) -> dict[str, Any]:
        """Progress to store in a checkpoint, as JSON values."""
        return {"stage": self.stage, "evaluations": self.evaluations, "spent_s": self.wall_s}

    @property
    def wall_s(self) -> float:
        """Seconds of work so far, including before a resumption."""
        return self.spent_s + time.monotonic() - self.began

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Append a line to ``metrics.jsonl``."""
        with (self.directory / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, **metrics}) + "\n")

    def prolong(self, step: int) -> None:
        """Rename the final evaluation to that of its step, since the run goes on."""
        name = f"step_{step}"
        self.evaluations.setdefault(name, self.evaluations["trained"])
        del self.evaluations["trained"]
        episodes = self.directory / "episodes"
        if (episodes / "trained").is_dir() and not (episodes / name).exists():
            (episodes / "trained").rename(episodes / name)

    def rewind(self, step: int) -> None:
        """Drop the metrics of steps after the checkpoint's step."""
        path = self.directory / "metrics.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        kept = [line for line in lines if _step_of(line) <= step]
        path.write_text("".join(line + "\n" for line in kept))


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):  # a line cut by a kill
        return float("inf")
