"""An engine that dies under its boxes: everybody is told, and the next box finds all tidy.

Tests end no engine that may be somebody's. A relay in front of it can be cut at any moment, which
is what its clients see of one that is killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from envgym.errors import Fault
from envgym.sandboxes import Limits
from envgym.sandboxes.backends.docker.backend import DockerBackend
from envgym.sandboxes.backends.docker.engine import Engine, socket_path


class Relay:
    """Passes connections on to the engine."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_unix_connection(socket_path())
        both = {writer, ours}
        self._writers |= both
        try:
            await asyncio.gather(_pass(reader, ours), _pass(theirs, writer))
        finally:
            for one in both:
                one.transport.abort()
            self._writers -= both


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        if writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()


@asynccontextmanager
async def relayed(folder: Path) -> AsyncIterator[Relay]:
    relay = Relay(folder / "engine.sock")
    await relay.listen()
    try:
        yield relay
    finally:
        await relay.cut()


async def states(engine: Engine, names: list[str]) -> list[str]:
    found = {c["Names"][0].lstrip("/"): c["State"] for c in await engine.list("envgym.sandbox")}
    return [found.get(name, "gone") for name in names]


async def test_an_engine_that_dies_is_a_fault_and_nothing_outlives_it(
    tmp_path: Path, engine: Engine
) -> None:
    async with relayed(tmp_path) as relay, DockerBackend(socket=relay.path) as backend:
        boxes = [await backend.open() for _ in range(2)]
        names = list(backend._live)
        assert await states(engine, names) == ["running"] * 2
        running = [asyncio.create_task(b.python("import time; time.sleep(60)")) for b in boxes]
        await asyncio.sleep(0.3)
        await relay.cut()
        for task in running:
            with pytest.raises(Fault) as caught:
                await task
            assert caught.value.kind == "infra"
        with pytest.raises(Fault):
            await boxes[0].read("x")
        for box in boxes:
            await box.close()  # tells nobody anything, and fails nobody
        with pytest.raises(Fault):
            await backend.open()
        for _ in range(100):  # without its input a supervisor ends, and all of its box with it
            if await states(engine, names) == ["exited"] * 2:
                break
            await asyncio.sleep(0.1)
        assert await states(engine, names) == ["exited"] * 2

        await relay.listen()
        async with await backend.open(limits=Limits()) as box:
            assert (await box.python("print('again')")).text == "again\n"
        assert await states(engine, names) == ["gone"] * 2
