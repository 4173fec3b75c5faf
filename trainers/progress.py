"""Live progress of a run in the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from envgym.trainers.config import Config
from envgym.trainers.evaluate import Scores


class Progress:
    """A bar a stage, with its latest figures; on standard error, so that output stays clean."""

    def __init__(self, config: Config) -> None:
        self._console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self._console,
        )
        self._title = f"{config.name} · {config.env.id} · seed {config.seed} · {config.directory}"

    def __enter__(self) -> Progress:
        self._console.print(self._title)
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """One line above the bars."""
        self._console.print(text)

    def scored(self, name: str, scores: Scores) -> None:
        """The outcome of an evaluation."""
        parts = " ".join(f"{k}: {v:.2f}" for k, v in scores.by_difficulty.items())
        self.say(f"  {name}: score {scores.score:.3f} ± {scores.stderr:.3f}  by difficulty {parts}")

    def stage(self, title: str, total: int) -> Callable[..., Any]:
        """Begin a stage; call the result with the step just done and figures by name.

        Ctrl-C asks the run's task to cancel, but a stage that never awaits would not hear of it
        before its end: the call passes it on between two steps.
        """
        task = self._bars.add_task(title, total=total, figures="")

        def on_step(step: int, **figures: float) -> None:
            text = " ".join(f"{name} {value:.3f}" for name, value in figures.items())
            self._bars.update(task, completed=step + 1, figures=text)
            running = asyncio.current_task()
            if running is not None and running.cancelling():
                raise asyncio.CancelledError

        return on_step
