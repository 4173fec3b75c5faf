"""One instance kept for each environment and set of arguments that clients use.

It holds open what instances share (an index, a pool) between the sessions, answers what is asked
without an episode, and is made in a thread: the first of its kind may take seconds, in which the
loop belongs to the others.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from envgym.env import Env
from envgym.errors import EnvgymError, UsageError
from envgym.registry import make
from envgym.serve.protocol.frames import DeadlinesRow, Described, ListTasks, Tasks
from envgym.serve.served_tasks import row_of
from envgym.serve.served_tools import tool_row

log = logging.getLogger("envgym.serve")

MOST_TASKS = 1024
"""Tasks in one answer."""


class CachedInstance:
    """One kept instance."""

    def __init__(self, id: str, kwargs: Mapping[str, Any]) -> None:
        self._id, self._kwargs = id, kwargs
        self._made = asyncio.ensure_future(asyncio.to_thread(new_env, id, kwargs))
        self._reading = asyncio.Lock()

    async def env(self) -> Env[Any]:
        """The instance, once it is made."""
        return await asyncio.shield(self._made)

    async def describe(self) -> Described:
        """What is the same for all instances of its kind."""
        env = await self.env()
        return {
            "max_turns": env.max_turns,
            "deadlines": DeadlinesRow(**asdict(env.deadlines)),  # type: ignore[typeddict-item]
            "seats": list(env.seats),
            "tools": [tool_row(tool) for tool in env.tools],
            "oracle": type(env).oracle is not Env.oracle,
        }

    async def tasks(self, asked: ListTasks) -> Tasks:
        """A stretch of a split; read in a thread, one after another: it may be written there."""
        env = await self.env()

        def read() -> Tasks:
            split, start = asked["split"], asked["start"]
            source = env.tasks(split)
            wanted = range(start, min(asked["stop"], len(source), start + MOST_TASKS))
            rows = [row_of(source[index], (split, index)) for index in wanted]
            return {"size": len(source), "rows": rows}

        async with self._reading:
            return await asyncio.to_thread(read)

    async def close(self) -> None:
        """Close the instance; what goes wrong is logged."""
        try:
            await (await self._made).close()
        except Exception as error:
            log.warning("closing %s: %s", self._id, error)

    @property
    def broken(self) -> bool:
        """Whether it could not be made."""
        return self._made.done() and (self._made.cancelled() or bool(self._made.exception()))


class InstanceCache:
    """The kept instances; of those not used of late only `most` stay.

    Args:
        most: How many are kept. Arguments are the clients' choice, so there has to be a bound.
    """

    def __init__(self, most: int = 16) -> None:
        self._most = most
        self._kept: OrderedDict[str, CachedInstance] = OrderedDict()

    async def get(self, id: str, kwargs: Mapping[str, Any]) -> CachedInstance:
        """The instance of an environment with these arguments, its instance made.

        Raises:
            UsageError: It takes no such arguments, or cannot be made with them.
        """
        key = json.dumps([id, kwargs], sort_keys=True)
        instance = self._kept.get(key)
        if instance is None or instance.broken:
            instance = self._kept[key] = CachedInstance(id, kwargs)
        self._kept.move_to_end(key)
        await instance.env()
        while len(self._kept) > self._most:
            _, oldest = self._kept.popitem(last=False)
            await oldest.close()
        return instance

    async def close(self) -> None:
        """Close them all."""
        kept, self._kept = list(self._kept.values()), OrderedDict()
        for instance in kept:
            await instance.close()


def new_env(id: str, kwargs: Mapping[str, Any]) -> Env[Any]:
    """`make` with arguments from outside: whatever they break is an error of who gave them."""
    try:
        return make(id, **kwargs)
    except EnvgymError:
        raise
    except Exception as error:
        raise UsageError(
            f"{id} cannot be made with these arguments: {type(error).__name__}: {error}"
        ) from error
