"""The loop lives while a person thinks, and ends when they go."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import threading
import time

import pytest
from rich.console import Console

from envgym.agents.human import PlayerLeft, Terminal


def terminal(read: object) -> Terminal:
    return Terminal(Console(file=io.StringIO()), read)  # type: ignore[arg-type]


def test_the_loop_goes_on_while_a_line_is_awaited() -> None:
    ticked = threading.Event()

    def read(prompt: str) -> str:
        assert threading.current_thread() is threading.main_thread()
        assert ticked.wait(10), "the loop stood still"
        return "now"

    async def work() -> str:
        asyncio.get_running_loop().call_later(0.02, ticked.set)
        return await here.ask("when? ")

    here = terminal(read)
    assert here.run(work()) == "now"


def test_ctrl_c_at_a_question_and_at_all_later_ones() -> None:
    reads: list[str] = []

    def read(prompt: str) -> str:
        reads.append(prompt)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
        return "never"

    async def work() -> str:
        for _ in range(3):
            with pytest.raises(PlayerLeft):
                await here.ask("> ")
        return "polite"

    here = terminal(read)
    before = signal.getsignal(signal.SIGINT)
    assert here.run(work()) == "polite"
    assert reads == ["> "]
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_during_a_step_waits_for_it_and_a_second_cancels_it() -> None:
    steps: list[str] = []

    async def step() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.05)
        steps.append("done")
        with pytest.raises(PlayerLeft):
            await here.ask("> ")

    async def hung() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)
        await asyncio.sleep(60)
        steps.append("never")

    here = terminal(lambda prompt: "line")
    here.run(step())
    assert steps == ["done"]
    here = terminal(lambda prompt: "line")
    with pytest.raises(KeyboardInterrupt):
        here.run(hung())
    assert steps == ["done"]


def test_whatever_breaks_comes_out_and_hangs_nothing() -> None:
    def read(prompt: str) -> str:
        raise OSError("the terminal is gone")

    async def asks() -> str:
        return await here.ask("> ")

    async def breaks() -> None:
        raise ZeroDivisionError

    here = terminal(read)
    with pytest.raises(OSError, match="is gone"):
        here.run(asks())
    with pytest.raises(ZeroDivisionError):
        here.run(breaks())
