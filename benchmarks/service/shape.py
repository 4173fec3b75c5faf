"""Work of `bench service` without any library: sessions, texts, the server's process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

SESSIONS = 200
TURNS = 50
"""Steps of an episode; then it is reset."""
SECONDS = 5.0
WORDS = "Say it again, as it is: the quick brown fox jumps over the lazy dog."

Act = Callable[[], Awaitable[object]]


@contextlib.contextmanager
def server(*command: str) -> Iterator[int]:
    """A server in a process of its own, ended at the end; its port.

    Args:
        command: For Python; ``{port}`` in it becomes a free port.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *(word.format(port=port) for word in command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_answer(process, port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"the server ended with code {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit("the server does not answer")


async def steps_per_s(sessions: list[tuple[Act, Act]]) -> float:
    """Steps a second, summed, of sessions that all step at once, each as fast as it is answered.

    Args:
        sessions: How each begins an episode, and how it steps.
    """
    steps = 0

    async def play(reset: Act, step: Act, until: float) -> None:
        nonlocal steps
        while time.perf_counter() < until:
            await reset()
            for _ in range(TURNS):
                await step()
                steps += 1
                if time.perf_counter() > until:
                    break

    await asyncio.gather(*(play(*session, time.perf_counter() + 0.5) for session in sessions))
    steps, began = 0, time.perf_counter()
    await asyncio.gather(*(play(*session, began + SECONDS) for session in sessions))
    return steps / (time.perf_counter() - began)
