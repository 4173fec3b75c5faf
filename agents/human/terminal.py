"""Terminal of a person who plays: prints messages and reads lines.

A person takes minutes to answer, and an environment's background work and deadlines must not stop
meanwhile. So the event loop runs in a thread of its own, and the main thread, which receives
Ctrl-C, reads the lines.
"""

from __future__ import annotations

import asyncio
import io
import re
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from types import FrameType
from typing import Any, TypeVar

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from envgym.messages import Kind, Message

T = TypeVar("T")

_LOOK: dict[Kind, tuple[str, str]] = {
    "system": ("rules", "dim"),
    "user": ("world", "cyan"),
    "tool": ("result", "green"),
    "hint": ("hint", "yellow"),
    "critic": ("critic", "magenta"),
    "action": ("action", "blue"),
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and newline
_BLOCK = '"""'
_LOOK_S = 0.2


def harmless(text: str) -> str:
    """Replace the control characters in text from outside, so that none acts on a terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


class PlayerLeft(Exception):
    """Raised when the person has left: Ctrl-C, or the end of the input."""


class Terminal:
    """A console and the lines typed at it.

    Args:
        console: Console to print to.
        read: Reads one line after showing a prompt; raises EOFError at the end of the input.
    """

    def __init__(
        self, console: Console | None = None, read: Callable[[str], str] | None = None
    ) -> None:
        self.console = console or Console(highlight=False)
        self._read = read or _input()
        self._questions: SimpleQueue[tuple[str, Future[str]] | None] = SimpleQueue()
        self._reading = False
        self._left = False
        self._cancel: Callable[[], object] | None = None

    def show(self, message: Message) -> None:
        """Print one message in a frame of its kind's colour, its control characters replaced."""
        title, style = _LOOK[message.kind]
        if message.name:
            title = f"{title} of {message.name}"
        text = Text(harmless(message.content))
        self.console.print(Panel(text, title=Text(title), title_align="left", border_style=style))

    def say(self, text: str, style: str = "") -> None:
        """Print a line of the game itself."""
        self.console.print(Text(text, style))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Print rows of a few cells, aligned."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            self.console.print(Text("  ".join(cells).rstrip()))

    async def ask(self, prompt: str) -> str:
        """Ask for an answer; a text of several lines stands between two lines of three quotes.

        Raises:
            PlayerLeft: They are done.
        """
        line = await self._line(prompt)
        if line.strip() != _BLOCK:
            return line
        lines: list[str] = []
        while (line := await self._line("… ")).strip() != _BLOCK:
            lines.append(line)
        return "\n".join(lines)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and answer its questions; call it in the main thread.

        Ctrl-C makes every question of the coroutine raise `PlayerLeft`; a second one, where the
        coroutine asks nothing, cancels it.

        Raises:
            KeyboardInterrupt: It was cancelled.
        """
        before = signal.signal(signal.SIGINT, self._interrupted)
        try:
            with ThreadPoolExecutor(1, "envgym-play") as pool:
                done = pool.submit(asyncio.run, self._noting(work))
                done.add_done_callback(lambda _: self._questions.put(None))
                while (question := self._questions.get()) is not None:
                    prompt, answer = question
                    if answer.set_running_or_notify_cancel():
                        self._answer(prompt, answer)
                return done.result()
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            signal.signal(signal.SIGINT, before)

    async def _line(self, prompt: str) -> str:
        answer: Future[str] = Future()
        self._questions.put((prompt, answer))
        return await asyncio.wrap_future(answer)

    async def _noting(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        return await work

    def _answer(self, prompt: str, answer: Future[str]) -> None:
        line: str | None = None
        try:
            self._reading = True
            if not self._left:
                line = self._read(prompt)
            self._reading = False
        except (EOFError, KeyboardInterrupt):
            self._reading = False
        except Exception as error:
            answer.set_exception(error)
            return
        if line is None:
            self._left = True
            self.console.print()
            answer.set_exception(PlayerLeft())
        else:
            answer.set_result(line)

    def _interrupted(self, signum: int, frame: FrameType | None) -> None:
        if self._left and self._cancel is not None:
            self._cancel()
        self._left = True
        if self._reading:
            raise KeyboardInterrupt


def _input() -> Callable[[str], str]:
    """Python's own, with line editing at a terminal; what is no text is shown as such."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    if not sys.stdin.isatty():
        return input
    with suppress(ImportError):
        import readline  # noqa: F401 - its import is what makes input() edit
    return _input_that_looks_up


def _input_that_looks_up(prompt: str) -> str:
    """`input`, woken a few times a second.

    Readline looks for a Ctrl-C and then waits for a key: one that comes in between is seen only
    when something wakes it.
    """
    before = signal.signal(signal.SIGALRM, lambda signum, frame: None)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)
    try:
        return input(prompt)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
