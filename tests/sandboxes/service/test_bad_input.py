"""Whatever is sent, the answer is a typed error and a line in the log, and nothing is left over."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envgym.sandboxes.limits import MIB
from envgym.sandboxes.service.protocol import FRAME
from envgym.sandboxes.supervisor.streams.frames import pack
from tests.sandboxes.service.client import TOKEN, Client, alive, pids, service, sleeper, until
from tests.sandboxes.service.conftest import CONFIG

RUN = {"language": "python"}


@pytest.fixture(autouse=True)
async def _nothing_left(client: Client, caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    caplog.set_level(logging.INFO)
    yield
    assert TOKEN not in caplog.text
    await client.until_idle()
    status, (header, _) = await client.python("print(1)")  # and the next one is served
    assert (status, header["outcome"]) == (200, "OK")


def logged(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return any(
        text in record.getMessage()
        for record in caplog.records
        if record.name.startswith("envgym.sandboxes.service")
    )


@pytest.mark.parametrize("token", ["", TOKEN[:-1] + "?", TOKEN + "x", "\u00fc" * 20])
async def test_a_wrong_token(client: Client, caplog: pytest.LogCaptureFixture, token: str) -> None:
    caplog.set_level(logging.DEBUG)
    for path, method in (
        ("/v1/run", "POST"),
        ("/metrics", "GET"),
        ("/v1/boxes/1", "DELETE"),
        ("/v1/requests/1", "DELETE"),
    ):
        caplog.clear()
        status, said = await client.send(path, RUN, b"", b"1", method=method, token=token)
        assert (status, said["error"]) == (401, "wrong_token")
        assert logged(caplog, "no token of this service")
        assert not token or token not in caplog.text


BAD: dict[str, tuple[str, dict[str, Any], tuple[bytes, ...], str]] = {
    "an unknown language": ("/v1/run", {"language": "cobol"}, (b"", b"1"), "'cobol'"),
    "no language": ("/v1/run", {}, (b"", b"1"), "language None"),
    "a language that is none": ("/v1/run", {"language": [1]}, (b"", b"1"), "language"),
    "a field too many": ("/v1/run", RUN | {"shell": True}, (b"", b"1"), "shell"),
    "arguments that are none": ("/v1/run", RUN | {"args": "abc"}, (b"", b"1"), "args"),
    "an argument that is none": ("/v1/run", RUN | {"args": [1]}, (b"", b"1"), "args.0"),
    "no program": ("/v1/run", {"language": "exec", "argv": []}, (b"",), "needs a program"),
    "a negative limit": ("/v1/run", RUN | {"limits": {"wall_s": -1}}, (b"", b"1"), "wall_s"),
    "no number": ("/v1/run", RUN | {"limits": {"cpu_s": float("nan")}}, (b"", b"1"), "cpu_s"),
    "an unknown limit": ("/v1/run", RUN | {"limits": {"luck": 1}}, (b"", b"1"), "luck"),
    "a limit too high": ("/v1/boxes", {"limits": {"wall_s": 61}}, (), "above this service's 60"),
    "too few parts": ("/v1/run", RUN, (b"",), "1 parts, not 2"),
    "too many parts": ("/v1/boxes", {}, (b"", b""), "2 parts"),
    "a snapshot that is none": ("/v1/boxes", {}, (b"\xff" * 600,), "no tar archive"),
    "code that is no text": ("/v1/run", RUN, (b"", b"\xff\xfe"), "no UTF-8"),
    "too much input": (
        "/v1/run",
        RUN | {"limits": {"stdin_bytes": 10}},
        (b"x" * 11, b"1"),
        "stdin_bytes=10",
    ),
}


async def test_senseless_requests(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for name, (path, header, parts, message) in BAD.items():
        caplog.clear()
        status, said = await client.send(path, header, *parts)
        assert (status, said["error"]) == (400, "usage"), (name, said)
        assert message in said["message"], name
        assert logged(caplog, message), name


async def test_senseless_requests_of_a_box(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    box = await client.open()
    for path, header, status, message in (
        ("/write", {"path": "../x"}, 403, "leaves the working directory"),
        ("/write", {"path": "/etc/passwd"}, 403, "leaves the working directory"),
        ("/write", {"path": "a\0b"}, 403, "NUL"),
        ("/write", {"path": "\ud800"}, 400, "no text"),
        ("/read", {"path": "x", "limit": -1}, 400, "limit"),
        ("/python", {"args": []}, 400, "parts"),
        ("/levitate", {}, 400, "'levitate'"),
        ("/session", {"kind": "perl"}, 400, "kind"),
        ("/sessions/none/run", {}, 410, "ended"),
        ("/sessions/none/sing", {}, 400, "'sing'"),
    ):
        caplog.clear()
        parts = () if path in ("/read", "/session") else (b"x",)
        got, said = await client.send(box + path, header, *parts)
        assert (got, message in said["message"]) == (status, True), (path, got, said)
        assert logged(caplog, message)
    assert (await client.python("print(1)", box + "/python"))[1][0]["outcome"] == "OK"
    await client.send(box, method="DELETE")


async def test_binary_garbage(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for body in (
        random.Random(0).randbytes(5000),
        b"\0" * 100,
        b"{}",
        pack({}, b"x")[:-1],
        pack({}) * 2,
        b"\0\0\0\x02\0\0\0\0[]",
        b"\0\1\x86\xa0\0\0\0\0" + b"[" * 100_000,
        b'\0\0\0\x11\0\0\0\0{"parts":[1e999]}',
    ):
        caplog.clear()
        status, said = await client.send("/v1/run", body=body)
        assert (status, said["error"]) == (400, "usage"), body[:40]
        assert logged(caplog, "frame")


async def test_a_body_of_another_kind(client: Client) -> None:
    status, said = await client.send("/v1/run", body=b"{}", kind="application/json")
    assert (status, said["error"]) == (400, "usage")
    assert "content type" in said["message"]


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_oversized_upload(
    client: Client, caplog: pytest.LogCaptureFixture, chunked: bool
) -> None:
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        yield pack(RUN, bytes(64 * MIB))[:1000]
        for _ in range(64):
            sent += MIB
            yield bytes(MIB)

    body = flood() if chunked else bytes(5 * MIB)
    status, said = await client.send("/v1/run", body=body)
    assert (status, said["error"]) == (413, "too_large")
    assert logged(caplog, "too_large")


async def test_no_http_at_all(client: Client) -> None:
    port = int(client.url.rpartition(":")[2])
    for garbage in (
        random.Random(1).randbytes(3000),
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/run HTTP/1.1\r\nX: y",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage)
        writer.write_eof()
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()


async def test_an_unknown_path(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for path, method in (("/", "GET"), ("/v1/run", "GET"), ("/v2/run", "POST")):
        status, said = await client.send(path, method=method)
        assert (status, said["error"]) == (404, "usage")
    assert logged(caplog, "nothing at GET here")


async def test_a_request_id_that_would_spoil_the_log(client: Client) -> None:
    for id in ("a b", "x" * 65, "a/b;c", "\u00fc"):
        status, said = await client.python("1", id=id)
        assert (status, said["error"]) == (400, "usage")
        assert "X-Request-ID" in said["message"]


@pytest.mark.parametrize("id", ["", "known"])
async def test_a_client_that_vanishes(
    client: Client, caplog: pytest.LogCaptureFixture, tmp_path: Path, id: str
) -> None:
    request = asyncio.create_task(client.python(sleeper(tmp_path / "pids"), id=id))
    found = await pids(tmp_path / "pids")
    assert all(map(alive, found))
    request.cancel()
    await until(lambda: not any(map(alive, found)), 5)
    assert logged(caplog, "the client vanished")
    assert await client.metric("envgym_sandbox_vanished_clients_total") == 1


async def test_a_client_that_vanishes_while_it_sends(client: Client) -> None:
    port = int(client.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    writer.write(f"{head}Content-Type: {FRAME}\r\nContent-Length: 100000\r\n\r\nabc".encode())
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    await asyncio.sleep(0.1)


async def test_many_large_requests_at_once(tmp_path: Path) -> None:
    config = replace(CONFIG, bodies_bytes=5 * MIB)
    async with service(tmp_path, config=config) as client:
        box = await client.open()
        answers = await asyncio.gather(
            *(client.send(box + "/write", {"path": f"{i}"}, bytes(3 * MIB)) for i in range(6))
        )
        statuses = [status for status, _ in answers]
        assert set(statuses) <= {200, 503}
        assert statuses.count(200) >= 1
        assert (await client.send(box + "/write", {"path": "x"}, bytes(3 * MIB)))[0] == 200
