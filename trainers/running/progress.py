"""Live progress of a run."""

from __future__ import annotations

import asyncio
from typing import Any

from envgym.trainers.config import Config
from envgym.trainers.running.evaluate import Scores
from envgym.utils.progress import OnStep, Progress


class RunProgress(Progress):
    """Progress display of a run: its stages and the scores of its evaluations."""

    def __init__(self, config: Config, **options: Any) -> None:
        title = f"{config.name} · {config.env.id} · seed {config.seed} · {config.directory}"
        super().__init__(title, **options)

    def scored(self, name: str, scores: Scores) -> None:
        """Print the scores of an evaluation."""
        parts = " ".join(f"{k}: {v:.2f}" for k, v in scores.by_difficulty.items())
        self.say(f"  {name}: score {scores.score:.3f} ± {scores.stderr:.3f}  by difficulty {parts}")

    def stage(self, title: str, total: int) -> OnStep:
        """Begin a stage; see `Progress.stage`.

        Ctrl-C asks the run's task to cancel, but a stage that never awaits would not hear of it
        before its end: the call passes it on between two steps.
        """
        show = super().stage(title, total)

        def on_step(step: int, **figures: float) -> None:
            show(step, **figures)
            running = asyncio.current_task()
            if running is not None and running.cancelling():
                raise asyncio.CancelledError

        return on_step
