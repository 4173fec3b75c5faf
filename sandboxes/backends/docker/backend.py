"""Docker backend: one container per sandbox, and no containers left behind.

A container is removed when its sandbox closes, also after a cancelled start. Opening the first
sandbox removes the containers of dead owners, found by label; the next sandbox retries removals
that failed because the engine was gone.
"""

from __future__ import annotations

import asyncio
import itertools
import platform
import secrets
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from envgym.errors import Fault, UsageError
from envgym.sandboxes.backends.docker.container import container
from envgym.sandboxes.backends.docker.engine import Engine, NoSuchThing
from envgym.sandboxes.backends.docker.reap import labels, reap
from envgym.sandboxes.backends.namespace.kernel.seccomp import ARCHES
from envgym.sandboxes.base import Backend, Sandbox
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.supervisor_client.connection import Lost, SupervisorConnection
from envgym.sandboxes.supervisor_client.supervised_sandbox import Box
from envgym.sandboxes.supervisor_client.supervisor_zip import box_archive

IMAGE = "envgym/base"
_STARTS = 8  # at once: an engine asked for more only gets slower
_ANSWER_S = 30.0  # for a started supervisor's first word
_ENDING_S = 5.0
# No two sandboxes of a process have the same user, for the kernel counts processes by user. Below
# 65534, so that an engine which maps users has them all.
_users = itertools.count(secrets.randbelow(40_000))


class DockerBackend(Backend):
    """Sandboxes in containers of a Docker engine.

    Args:
        image: Image with ``python3`` 3.9 or newer; ``make images`` makes the default one.
        warm: Number of containers kept ready, for sandboxes of `limits`.
        limits: Default limits of sandboxes.
        socket: Socket of the engine; by default ``DOCKER_HOST`` or the usual path.
    """

    name = "docker"
    isolation = (
        "a container each: no network, no capability, read-only root, the engine's seccomp and ours"
    )

    def __init__(
        self,
        image: str = IMAGE,
        *,
        warm: int = 0,
        limits: Limits | None = None,
        socket: str | None = None,
    ) -> None:
        if warm < 0:
            raise UsageError(f"warm is a number of containers, not {warm}")
        if platform.machine() not in ARCHES:
            raise UsageError(f"no filter of system calls is known for {platform.machine()}")
        self._engine = Engine(socket)
        self._image = image
        self._warm = warm
        self._limits = limits or Limits()
        self._ready: deque[_Container] = deque()
        self._coming = 0  # to `_ready`
        self._live: dict[str, _Container] = {}
        self._stale: set[str] = set()  # names of containers to remove
        self._work: set[asyncio.Task[Any]] = set()
        self._gate = asyncio.Semaphore(_STARTS)
        self._reaped = False
        self._closed = False

    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """See `Backend`.

        Raises:
            UsageError: There is no such image, or no ``python3`` in it.
        """
        if self._closed:
            raise UsageError("the backend is closed: open a new one")
        bounds = limits or self._limits
        found = self._take(bounds) or await self._started(bounds)
        box = self._box(found, bounds)
        try:
            if snapshot is not None:
                await box.restore(snapshot)
        except BaseException:
            await box.close()
            raise
        return box

    async def close(self) -> None:
        """See `Backend`."""
        self._closed = True
        while self._work:
            await asyncio.wait(self._work)
        self._ready.clear()
        await asyncio.gather(*(self._discard(c) for c in list(self._live.values())))
        await self._engine.close()

    def _box(self, found: _Container, bounds: Limits) -> Box:
        async def reopen(files: bytes) -> Sandbox:
            return await self.open(limits=bounds, snapshot=files)

        return Box(
            found.link,
            bounds,
            end=lambda: self._discard(found),
            reopen=reopen,
            cause=lambda: self._cause(found.name),
        )

    def _take(self, bounds: Limits) -> _Container | None:
        """Return a live warm container of the wanted size, and start another one."""
        if self._warm == 0 or _size(bounds) != _size(self._limits):
            return None
        found = None
        while self._ready and found is None:
            first = self._ready.popleft()
            if first.link.closed:
                self._later(self._discard(first))
            else:
                found = first
        for _ in range(self._warm - len(self._ready) - self._coming):
            self._coming += 1
            self._later(self._prepare())
        return found

    async def _prepare(self) -> None:
        try:
            self._ready.append(await self._start(self._limits))
        except (Fault, UsageError):
            pass  # the next opened sandbox raises the error
        finally:
            self._coming -= 1

    async def _started(self, bounds: Limits) -> _Container:
        """Run `_start` to its end even if cancelled, then undo it: half a start is a leak."""
        task = self._later(self._start(bounds))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._later(self._undo(task))
            raise

    async def _undo(self, task: asyncio.Task[_Container]) -> None:
        with suppress(Fault, UsageError):
            await self._discard(await task)

    async def _start(self, bounds: Limits) -> _Container:
        async with self._gate:
            await self._tidy()
            name = f"envgym-{secrets.token_hex(8)}"
            user = 20_000 + next(_users) % 40_000
            try:
                archive = box_archive()
                config = container(self._image, bounds, user, labels(), len(archive))
            except OSError as error:  # of this machine's: no descriptor, no memory
                raise Fault(f"sandbox: cannot start a container: {error}") from error
            try:
                found = await self._run(name, config, archive)
            except BaseException:
                await self._remove(name)
                raise
            self._live[name] = found
            return found

    async def _run(self, name: str, config: dict[str, Any], archive: bytes) -> _Container:
        try:
            await self._engine.create(name, config)
        except NoSuchThing as error:
            raise UsageError(
                f"no image {self._image!r} at this Docker engine: run 'make images', or pull it"
            ) from error
        reader, writer = await self._engine.attach(name)
        try:
            await self._engine.start(name)
        except BaseException:
            writer.close()
            raise
        link = SupervisorConnection(reader, writer)
        try:
            writer.write(archive)
            async with asyncio.timeout(_ANSWER_S):
                await link.ask({"op": "ping"})
        except (Lost, TimeoutError) as error:
            said = reader.said.decode("utf-8", "replace").strip()
            why = said.splitlines()[-1] if said else str(error) or f"silent for {_ANSWER_S:g} s"
            raise Fault(
                f"sandbox: the container of {self._image!r} did not start: {why}"
            ) from error
        except BaseException:
            await link.close()
            raise
        return _Container(name, link)

    async def _cause(self, name: str) -> Outcome | None:
        """Outcome of the programs if they caused the loss of the supervisor, else None."""
        try:
            async with asyncio.timeout(_ENDING_S):
                await self._engine.wait(name)
                state = (await self._engine.inspect(name))["State"]
                if await self._engine.was_killed(name):
                    return None
        except (Fault, UsageError, TimeoutError):
            return None
        return Outcome.MLE if state["OOMKilled"] else Outcome.RE

    async def _tidy(self) -> None:
        if not self._reaped:
            self._reaped = True
            try:
                await reap(self._engine)
            except BaseException:
                self._reaped = False
                raise
        for name in list(self._stale):
            await self._remove(name)

    async def _discard(self, found: _Container) -> None:
        if self._live.pop(found.name, None) is not None:
            await found.link.close()
            await self._remove(found.name)

    async def _remove(self, name: str) -> None:
        self._stale.add(name)
        with suppress(Fault):  # the engine is gone: it stays on the list
            await self._engine.remove(name)
            self._stale.discard(name)

    def _later(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task


class _Container:
    """A running container, and the connection to its supervisor."""

    def __init__(self, name: str, link: SupervisorConnection) -> None:
        self.name = name
        self.link = link


def _size(limits: Limits) -> tuple[int, ...]:
    """Limits that are fixed when a container starts; the others come with each call."""
    return limits.memory_bytes, limits.processes, limits.disk_bytes, limits.open_files
