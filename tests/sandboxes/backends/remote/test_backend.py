"""The client of the service: the interface over sockets, and over bad weather."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from envgym.errors import Fault, UsageError
from envgym.sandboxes import Denied, Limits, Outcome, SessionLost, open_backend
from envgym.sandboxes.backends.remote.backend import RemoteBackend
from envgym.sandboxes.outcome import Result
from envgym.sandboxes.pool.pool import PoolFull
from envgym.sandboxes.service.config import ServiceConfig
from envgym.sandboxes.service.protocol import FRAME, result_header
from envgym.sandboxes.supervisor.streams.frames import pack
from tests.sandboxes.service.client import (
    Client,
    alive,
    pids,
    service,
    sleeper,
    until,
    write_tokens,
)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with service(tmp_path, config=ServiceConfig(linger_s=30, body_bytes=1 << 21)) as client:
        yield client


@pytest.fixture
async def backend(client: Client) -> AsyncIterator[RemoteBackend]:
    async with RemoteBackend(client.url, client.token_file, patience_s=1.0) as backend:
        yield backend


async def test_it_is_the_interface(backend: RemoteBackend, client: Client) -> None:
    box = await backend.open(limits=Limits(wall_s=20))
    assert (
        await box.python("import sys; print(sys.argv[1:], input())", args=["a"], stdin=b"x")
    ).text == "['a'] x\n"
    result = await box.exec(["sh", "-c", "echo $A >&2; exit 3"], env={"A": "b"})
    assert (result.outcome, result.exit_code, result.error_text) == (Outcome.RE, 3, "b\n")
    await box.write("a/b", b"\0\xff" * 500_000)
    assert await box.read("a/b") == b"\0\xff" * 500_000
    snapshot = await box.snapshot()
    other = await backend.open(snapshot=snapshot)
    copy = await box.fork()
    for one in (other, copy):
        assert await one.read("a/b") == b"\0\xff" * 500_000
    async with await box.shell() as shell:
        assert (await shell.run("cd a; pwd | tail -c 3")).text == "/a\n"
        assert (await shell.run("ls")).text == "b\n"
        with pytest.raises(UsageError, match="shell cannot be forked"):
            await shell.fork()
    async with await box.repl() as repl:
        await repl.run("x = 1")
        async with await repl.fork() as fork:
            assert (await fork.run("x + 1")).text == "2\n"
    assert await client.metric("envgym_sandbox_sessions") == 0
    for _ in range(2):
        await box.close()
    assert await client.metric("envgym_sandbox_boxes") == 2
    await backend.close()  # closes the boxes that are left
    await backend.close()
    await client.until_idle()
    with pytest.raises(UsageError, match="closed"):
        await backend.open()


async def test_errors_keep_their_class(backend: RemoteBackend) -> None:
    async with await backend.open() as box:
        with pytest.raises(Denied, match="leaves"):
            await box.read("../x")
        with pytest.raises(UsageError, match="No such file"):
            await box.read("x")
        with pytest.raises(UsageError, match="NUL"):
            await box.exec(["a\0b"])
        with pytest.raises(UsageError, match="stdin_bytes=1"):
            await box.python("1", stdin=b"xx", limits=Limits(stdin_bytes=1))
        with pytest.raises(UsageError, match="send less"):
            await box.write("x", bytes(1 << 22))
        repl = await box.repl()
        assert (await repl.run("import os; os._exit(3)")).exit_code == 3
        with pytest.raises(SessionLost):
            await repl.run("1")
        await repl.close()
        result = await box.python("import time; time.sleep(9)", limits=Limits(wall_s=0.2))
        assert result.outcome is Outcome.TLE
    with pytest.raises(UsageError, match="box is closed"):
        await box.read("x")
    with pytest.raises(UsageError, match="box is closed"):
        await box.python("1")
    await repl.close()


async def test_a_box_that_the_service_lost_is_a_fault(
    backend: RemoteBackend, client: Client
) -> None:
    box: Any = await backend.open()
    repl = await box.repl()
    assert (await client.send(box._path, method="DELETE"))[0] == 200
    for call in (box.read("x"), box.python("1"), repl.run("1"), box.fork()):
        with pytest.raises(Fault, match="no such sandbox") as caught:
            await call
        assert caught.value.kind == "infra"
    await repl.close()
    await box.close()


@pytest.mark.parametrize("what", ["run", "box", "repl"])
async def test_cancelling_kills_at_the_service(
    backend: RemoteBackend, client: Client, tmp_path: Path, what: str
) -> None:
    box = await backend.open()
    session = await box.repl()
    code = sleeper(tmp_path / "pids")
    calls: dict[str, Any] = {"run": backend.run_python, "box": box.python, "repl": session.run}
    task = asyncio.create_task(calls[what](code))
    found = await pids(tmp_path / "pids")
    task.cancel()
    await until(lambda: not any(map(alive, found)), 5)  # long before the service gives up on us
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await box.python("print(1)")).text == "1\n"
    if what == "repl":
        with pytest.raises(SessionLost):
            await session.run("1")


async def test_cancelling_an_open_leaves_no_box(backend: RemoteBackend, client: Client) -> None:
    for pause in (0.0, 0.001, 0.01, 0.03, 0.1):
        task = asyncio.create_task(backend.open())
        await asyncio.sleep(pause)
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        if not isinstance(result, BaseException):
            await result.close()
    await client.until_idle()


def test_senseless_addresses_and_tokens(tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path)
    with pytest.raises(UsageError, match="http://"):
        open_backend("remote", url="localhost:1", token_file=tokens)
    with pytest.raises(UsageError, match="cannot read"):
        open_backend("remote", url="http://localhost:1", token_file=tmp_path / "none")


async def test_a_wrong_token_is_the_callers(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "wrong"
    file.write_text("not-that-service's-token")
    async with RemoteBackend(client.url, file) as backend:
        with pytest.raises(UsageError, match="token") as caught:
            await backend.run_python("1")
    assert "not-that" not in str(caught.value)


class Weather:
    """A service that answers as told, and then as it should."""

    def __init__(self, *troubles: str) -> None:
        self.troubles = list(troubles)
        self.ids: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.ids.append(request.headers["X-Request-ID"])
        await request.read()
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "drop":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if trouble == "later":
            body = '{"error": "busy", "message": "no room"}'
            return web.Response(status=503, text=body, headers={"Retry-After": "0"})
        if trouble == "garbage":
            return web.Response(body=b"\0\0")
        if trouble == "no result":
            return web.Response(body=pack({"box": 7, "session": []}), content_type=FRAME)
        if trouble:
            return web.Response(status=int(trouble), text="<html>bad gateway")
        good = pack(result_header(Result(Outcome.OK, 0)), b"fine", b"")
        return web.Response(body=good, content_type=FRAME)


@pytest.fixture
async def weather() -> AsyncIterator[Any]:
    runners: list[web.AppRunner] = []

    async def start(*troubles: str) -> tuple[str, Weather]:
        app, handler = web.Application(), Weather(*troubles)
        app.router.add_route("*", "/{path:.*}", handler.answer)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runners[-1].addresses[0][1]}", handler

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_trouble_is_outlasted_under_one_request_id(weather: Any, tmp_path: Path) -> None:
    troubles = ["drop", "502", "later", "garbage", "500"]
    url, server = await weather(*troubles)
    async with RemoteBackend(url, write_tokens(tmp_path)) as backend:
        assert (await backend.run_python("1")).text == "fine"
        assert (await backend.run_python("1")).text == "fine"
    assert [server.ids.count(id) for id in dict.fromkeys(server.ids)] == [6, 1]


@pytest.mark.parametrize(
    ("trouble", "error", "message"),
    [
        ("drop", Fault, "cannot be reached"),
        ("502", Fault, "answers 502"),
        ("later", PoolFull, "no room"),
        ("garbage", Fault, "does not answer as one does"),
        ("404", UsageError, "is it a sandbox service"),
    ],
)
async def test_trouble_that_lasts(
    weather: Any, tmp_path: Path, trouble: str, error: type[Exception], message: str
) -> None:
    url, server = await weather(*[trouble] * 1000)
    async with RemoteBackend(url, write_tokens(tmp_path), patience_s=0.3) as backend:
        with pytest.raises(error, match=message) as caught:
            await backend.run_python("1")
        if isinstance(caught.value, Fault):
            assert caught.value.kind == "infra"
            assert len(server.ids) > 1
        else:
            assert len(server.ids) == 1


async def test_an_answer_that_is_not_the_asked_one_is_a_fault(weather: Any, tmp_path: Path) -> None:
    url, _ = await weather(*["no result"] * 1000)
    async with RemoteBackend(url, write_tokens(tmp_path), patience_s=0.3) as backend:
        with pytest.raises(Fault, match="0 outputs, not 2"):
            await backend.run_python("1")
        with pytest.raises(Fault, match="not valid: box: Input should be a valid string"):
            await backend.open()
        box = backend._box("a", Limits())
        for call in (box.read("x"), box.snapshot()):
            with pytest.raises(Fault, match="0 parts, not 1"):
                await call
        with pytest.raises(Fault, match="not valid: session"):
            await box.repl()


async def test_nobody_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = write_tokens(tmp_path)
    async with RemoteBackend("http://127.0.0.1:1", tokens, patience_s=0.2) as backend:
        with pytest.raises(Fault, match="cannot be reached"):
            await backend.open()
    assert "a-token-of" not in caplog.text
