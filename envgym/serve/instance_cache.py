"""Cache of one environment instance per id and arguments that clients use.

The cached instance keeps shared resources (an index, a pool) open between sessions and answers
requests that need no episode. It is made in a thread, because the first of its kind may take
seconds.
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
    """One cached environment instance, made in a thread."""

    def __init__(self, id: str, kwargs: Mapping[str, Any]) -> None:
        self._id, self._kwargs = id, kwargs
        self._made = asyncio.ensure_future(asyncio.to_thread(new_env, id, kwargs))
        self._reading = asyncio.Lock()

    async def env(self) -> Env[Any]:
        """Wait until the instance is made and return it."""
        return await asyncio.shield(self._made)

    async def describe(self) -> Described:
        """Describe the properties shared by all instances of this id and arguments."""
        env = await self.env()
        return {
            "max_turns": env.max_turns,
            "deadlines": DeadlinesRow(**asdict(env.deadlines)),  # type: ignore[typeddict-item]
            "seats": list(env.seats),
            "tools": [tool_row(tool) for tool in env.tools],
            "oracle": type(env).oracle is not Env.oracle,
        }

    async def tasks(self, asked: ListTasks) -> Tasks:
        """Read a range of a split in a thread, one call at a time: reading may generate tasks."""
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
        """Close the instance; errors are logged."""
        try:
            await (await self._made).close()
        except Exception as error:
            log.warning("closing %s: %s", self._id, error)

    @property
    def broken(self) -> bool:
        """Flag that the instance could not be made."""
        return self._made.done() and (self._made.cancelled() or bool(self._made.exception()))


class InstanceCache:
    """Least-recently-used cache of `CachedInstance`.

    Args:
        most: Maximum number of instances; clients choose the arguments, so it must be bounded.
    """

    def __init__(self, most: int = 16) -> None:
        self._most = most
        self._kept: OrderedDict[str, CachedInstance] = OrderedDict()

    async def get(self, id: str, kwargs: Mapping[str, Any]) -> CachedInstance:
        """Return the cached instance of an id and arguments, made where it is missing.

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
        """Close all cached instances."""
        kept, self._kept = list(self._kept.values()), OrderedDict()
        for instance in kept:
            await instance.close()


def new_env(id: str, kwargs: Mapping[str, Any]) -> Env[Any]:
    """Make an environment with a client's arguments; errors they cause become UsageError."""
    try:
        return make(id, **kwargs)
    except EnvgymError:
        raise
    except Exception as error:
        raise UsageError(
            f"{id} cannot be made with these arguments: {type(error).__name__}: {error}"
        ) from error
