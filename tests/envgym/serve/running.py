"""Servers for tests: in a thread of this process, to look inside; or as the program that it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from envgym.serve.server import EnvServer, serve

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "from envgym.cli import main; main()"


class Running:
    """A server in a thread."""

    def __init__(self, *ids: str, **options: Any) -> None:
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, args=(ids, options))
        self._thread.start()
        assert self._ready.wait(30)
        if self._error is not None:
            raise self._error

    def _main(self, ids: tuple[str, ...], options: dict[str, Any]) -> None:
        def ready(url: str, server: EnvServer) -> None:
            self.url, self.server = url, server
            self._ready.set()

        async def run() -> None:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            await serve(ids, port=0, ready=ready, **options)

        try:
            asyncio.run(run())
        except asyncio.CancelledError:
            return
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    @property
    def http(self) -> str:
        """Its address for plain requests."""
        return "http" + self.url.removeprefix("ws")

    def begin_stop(self) -> None:
        """What Ctrl-C does."""
        assert self._task is not None
        self._loop.call_soon_threadsafe(self._task.cancel)

    def stop(self) -> None:
        """Stop it, and wait until it has."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self.begin_stop()
        self._thread.join(30)
        assert not self._thread.is_alive()


@contextlib.contextmanager
def running(*ids: str, **options: Any) -> Iterator[Running]:
    """A server for the time of a block."""
    server = Running(*ids, **options)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def program(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`envgym serve` in a process of its own, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " at ws://" in line, process.communicate()
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.communicate()


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until it is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has not come true"
        await asyncio.sleep(0.01)
