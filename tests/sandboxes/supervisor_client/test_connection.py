"""The host's end of a channel: answers find their requests, whatever the other end does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from envgym.errors import Fault, UsageError
from envgym.sandboxes import Denied, SessionLost
from envgym.sandboxes.supervisor.streams import frames
from envgym.sandboxes.supervisor.streams.frames import Frame, Unpacker, pack
from envgym.sandboxes.supervisor_client.connection import Lost, SupervisorConnection, broken


@dataclass
class Peer:
    """The other end, played by hand."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    unpacker: Unpacker = field(default_factory=Unpacker)
    came: list[Frame] = field(default_factory=list)

    async def get(self) -> Frame:
        while not self.came:
            data = await self.reader.read(1 << 16)
            assert data, "the link hung up"
            self.came += self.unpacker.feed(data)
        return self.came.pop(0)


@dataclass
class Ends:
    link: SupervisorConnection
    peer: Peer
    closed: list[str]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    ours, theirs = socket.socketpair()
    closed: list[str] = []

    async def on_close() -> None:
        closed.append("closed")

    link = SupervisorConnection(*await asyncio.open_connection(sock=ours), on_close)
    peer = Peer(*await asyncio.open_connection(sock=theirs))
    yield Ends(link, peer, closed)
    await link.close()
    peer.writer.close()


def asking(link: SupervisorConnection, *parts: bytes, **header: Any) -> asyncio.Task[Any]:
    return asyncio.create_task(link.ask(header, *parts))


async def test_answers_find_their_requests_in_any_order(ends: Ends) -> None:
    tasks = [asking(ends.link, b"%d" % i, op="x", n=i) for i in range(20)]
    requests = [await ends.peer.get() for _ in tasks]
    assert len({header["id"] for header, _ in requests}) == 20
    for header, parts in reversed(requests):
        ends.peer.writer.write(pack({"id": header["id"], "n": header["n"]}, *parts, b"more"))
    for i, task in enumerate(tasks):
        header, parts = await task
        assert (header["n"], parts) == (i, [b"%d" % i, b"more"])


@pytest.mark.parametrize(
    ("kind", "error"),
    [("denied", Denied), ("lost", SessionLost), ("usage", UsageError), ("news", UsageError)],
)
async def test_errors_have_their_class(ends: Ends, kind: str, error: type[UsageError]) -> None:
    task = asking(ends.link, op="x")
    header, _ = await ends.peer.get()
    ends.peer.writer.write(pack({"id": header["id"], "error": kind, "message": "no"}))
    with pytest.raises(UsageError, match="no") as caught:
        await task
    assert type(caught.value) is error


@pytest.mark.parametrize("error", [{"error": "usage"}, {"error": ["denied"], "message": "no"}])
async def test_an_error_that_says_too_little_is_still_one(
    ends: Ends, error: dict[str, Any]
) -> None:
    task = asking(ends.link, op="x")
    header, _ = await ends.peer.get()
    ends.peer.writer.write(pack({"id": header["id"], **error}))
    with pytest.raises(UsageError, match="no"):
        await task


async def test_a_cancelled_request_is_told_and_its_late_answer_dropped(ends: Ends) -> None:
    task = asking(ends.link, op="x")
    first, _ = await ends.peer.get()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    cancel, _ = await ends.peer.get()
    assert (cancel["op"], cancel["target"]) == ("cancel", first["id"])
    ends.peer.writer.write(pack({"id": first["id"]}))
    after = asking(ends.link, op="y")
    header, _ = await ends.peer.get()
    ends.peer.writer.write(pack({"id": header["id"], "fine": True}))
    assert (await after)[0]["fine"]


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff" * 100, pack({"no": "id"}), pack({}), pack({"id": []})]
)
async def test_whoever_waits_hears_of_the_end(ends: Ends, garbage: bytes) -> None:
    tasks = [asking(ends.link, op="x") for _ in range(3)]
    await ends.peer.get()
    ends.peer.writer.write(garbage)
    if not garbage:
        ends.peer.writer.close()
    for task in tasks:
        with pytest.raises(Lost):
            await task
    assert ends.link.closed
    assert ends.closed == ["closed"]
    with pytest.raises(Lost):
        await ends.link.ask({"op": "x"})
    fault = broken(Lost("gone"))
    assert isinstance(fault, Fault)
    assert fault.kind == "infra"


async def test_answers_to_nobody_are_dropped(ends: Ends) -> None:
    ends.peer.writer.write(pack({"id": 99}) + pack({"id": "x"}))
    task = asking(ends.link, op="x")
    header, _ = await ends.peer.get()
    ends.peer.writer.write(pack({"id": header["id"]}))
    await task


async def test_closing_twice_and_with_requests_open(ends: Ends) -> None:
    task = asking(ends.link, op="x")
    await ends.peer.get()
    await asyncio.gather(ends.link.close(), ends.link.close())
    await ends.link.close()
    with pytest.raises(Lost):
        await task
    assert ends.closed == ["closed"]
    assert await ends.peer.reader.read() == b""


async def test_what_no_frame_holds_is_the_callers(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MOST_HEADER", 100)
    with pytest.raises(UsageError, match="too much"):
        await ends.link.ask({"argv": ["x" * 100]})
    monkeypatch.setattr(frames, "MOST_BODY", 5)
    with pytest.raises(UsageError, match="too much"):
        await ends.link.ask({}, b"123456")
    assert not ends.link.closed
