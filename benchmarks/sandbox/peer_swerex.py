"""SWE-ReX's local runtime: commands one by one (it waits for each), and its live shell.

Its way to a Python REPL is Python started in the shell, each answer awaited by its prompt.
"""

from __future__ import annotations

import asyncio
import sys

from programs import ANSWER, ASK, NUMPY, PROGRAMS, SET_UP, finish, median_ms, rates, timed
from swerex.runtime.abstract import (
    BashAction,
    CloseBashSessionRequest,
    Command,
    CreateBashSessionRequest,
)
from swerex.runtime.local import LocalRuntime

PROMPT = ">>> "


async def main() -> None:
    """Measure and print."""
    runtime = LocalRuntime()

    async def run(code: str) -> str:
        done = await runtime.execute(Command(command=[sys.executable, "-I", "-c", code]))
        return done.stdout if done.exit_code == 0 else done.stderr

    figures = await rates(run, PROGRAMS | NUMPY) | await sessions(runtime)
    await runtime.close()
    finish(figures)


async def sessions(runtime: LocalRuntime) -> dict[str, float]:
    """Round trips of the shell and of Python in it; a new one set up again."""

    async def shell(code: str) -> str:
        return (await runtime.run_in_session(BashAction(command=code))).output.strip()

    async def python(code: str) -> str:
        action = BashAction(command=code, is_interactive_command=True, expect=[PROMPT])
        return (await runtime.run_in_session(action)).output.strip()

    async def start() -> None:
        await runtime.create_session(CreateBashSessionRequest())

    async def stop() -> None:
        await runtime.close_session(CloseBashSessionRequest())

    async def start_and_stop() -> None:
        await start()
        await stop()

    async def set_up_again() -> None:
        await start()
        await python(f"{sys.executable} -I -q")
        await python(SET_UP)
        assert await python(ASK) == ANSWER.strip()
        await stop()

    figures = {"start_ms": await median_ms(start_and_stop, 3)}
    await start()
    trips, wall = await timed(shell, "echo 42", "42", 1, 1.0)
    figures["shell_per_s"] = len(trips) / wall
    await python(f"{sys.executable} -I -q")
    trips, wall = await timed(python, "6 * 7", "42", 1, 1.0)
    figures["repl_per_s"] = len(trips) / wall
    await stop()
    figures["fork_200mb_ms"] = await median_ms(set_up_again, 3)
    return figures


asyncio.run(main())
