"""Our side of the benches of graders: episodes of one submission, many environments at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from envgym.env import Env

Grade = Callable[[Sequence[Any]], None]


def measure(
    envs: Sequence[Env[Any]],
    graded: Callable[[Env[Any], Any], Awaitable[None]],
    timed: Callable[[Grade], None],
) -> None:
    """Time items that the environments take from one queue, then close the environments.

    Args:
        graded: One item's episode.
    """

    async def play(items: Sequence[Any]) -> None:
        queue = iter(items)

        async def some(env: Env[Any]) -> None:
            for item in queue:
                await graded(env, item)

        await asyncio.gather(*map(some, envs))

    with asyncio.Runner() as runner:
        timed(lambda items: runner.run(play(items)))
        for env in envs:
            runner.run(env.close())
