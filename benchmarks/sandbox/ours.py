"""envgym's `namespace` boxes: one for each run, one reused, REPLs, forks, a thousand boxes."""

from __future__ import annotations

import asyncio
import time

from programs import ANSWER, ASK, MAIN, NUMPY, PROGRAMS, SET_UP, finish, median_ms, rates, timed

from envgym.sandboxes import Backend, Limits, Session, open_backend

MANY = 1000


async def main() -> None:
    """Measure and print."""
    async with open_backend("namespace") as backend:
        figures = {
            **await rates(fresh(backend), PROGRAMS),
            **await in_one_box(backend),
            **await sessions(backend),
            **await boxes(backend),
        }
    async with open_backend("namespace", imports=["numpy"]) as backend:
        figures |= await rates(fresh(backend), NUMPY)
    finish(figures)


def fresh(backend: Backend):
    """Each run in a box of its own."""

    async def run(code: str) -> str:
        return (await backend.run_python(code)).text

    return run


async def in_one_box(backend: Backend) -> dict[str, float]:
    """Runs in a box that stays, as a container does."""
    async with await backend.open() as box:

        async def run(code: str) -> str:
            return (await box.python(code)).text

        return {
            f"same_box_{name}": value
            for name, value in (await rates(run, {MAIN: PROGRAMS[MAIN]})).items()
        }


async def sessions(backend: Backend) -> dict[str, float]:
    """Round trips of live interpreters, and a copy of one with 200 MB to its first answer."""
    async with await backend.open(limits=Limits(memory_bytes=1 << 30)) as box:
        async with await box.shell() as shell:
            trips, wall = await timed(said(shell), "echo 42", "42\n", 1, 1.0)
            figures = {"shell_per_s": len(trips) / wall}
        async with await box.repl() as repl:
            trips, wall = await timed(said(repl), "6 * 7", "42\n", 1, 1.0)
            figures["repl_per_s"] = len(trips) / wall
            await repl.run(SET_UP)

            async def fork() -> None:
                async with await repl.fork() as copy:
                    assert (await copy.run(ASK)).text == ANSWER

            figures["fork_200mb_ms"] = await median_ms(fork, 20)
    return figures


def said(session: Session):
    """A session's answers."""

    async def run(code: str) -> str:
        return (await session.run(code)).text

    return run


async def boxes(backend: Backend) -> dict[str, float]:
    """A box opened and closed, and a thousand that are open together."""

    async def one() -> None:
        await (await backend.open()).close()

    figures = {"start_ms": await median_ms(one, 50)}
    open_boxes = []

    async def some() -> None:
        while len(open_boxes) + opening < MANY:
            open_boxes.append(await backend.open())

    opening = 7  # under way elsewhere while one looks
    began = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(opening + 1)))
    figures["boxes_1000_s"] = time.perf_counter() - began
    for box in open_boxes:
        await box.close()
    return figures


asyncio.run(main())
