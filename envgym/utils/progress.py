"""Progress display of long work: bars on a terminal, a line now and then elsewhere.

All of it goes to standard error, so that output stays clean. A log of a job, a pipe or a notebook
shows no bars: without lines an hour of work would look like an hour of nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

EVERY_S = 10.0
"""Seconds between two lines of one stage; the first and the last one are always written."""

OnStep = Callable[..., None]


class Progress:
    """Progress display with one bar, or line, per stage and its latest figures.

    Args:
        title: Printed first, where there is one.
        transient: Remove the bars at the end.
        console: Standard error when None.
        every_s: Seconds between two lines of one stage.
    """

    def __init__(
        self,
        title: str = "",
        *,
        transient: bool = False,
        console: Console | None = None,
        every_s: float = EVERY_S,
    ) -> None:
        self._console = console or Console(stderr=True)
        self._title, self._every_s = title, every_s
        self._bars = _bars(self._console, transient) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._title:
            self.say(self._title)
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def say(self, text: str) -> None:
        """Print one line, above the bars where there are any."""
        if self._bars is not None:
            self._console.print(text)
        else:
            self._line(text)

    def stage(self, title: str, total: int) -> OnStep:
        """Begin a stage; call the result with the step just done, from 0, and figures by name."""
        if self._bars is not None:
            bars, task = self._bars, self._bars.add_task(title, total=total, figures="")

            def on_bar(step: int, **figures: float) -> None:
                bars.update(task, completed=step + 1, figures=_figures(figures))

            return on_bar

        began = last = time.monotonic()
        self._line(f"{title}: 0/{total}")

        def on_step(step: int, **figures: float) -> None:
            nonlocal last
            now = time.monotonic()
            if step + 1 >= total or now - last >= self._every_s:
                last = now
                text = f"{title}: {step + 1}/{total} after {now - began:.0f} s"
                self._line(f"{text}  {_figures(figures)}".rstrip())

        return on_step

    def _line(self, text: str) -> None:
        print(text, file=self._console.file, flush=True)


def _figures(figures: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in figures.items())


def _bars(console: Console, transient: bool) -> Bars:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=console,
        transient=transient,
    )
