"""Addresses as people type them: the environment, or an error that says how to write it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from random import Random
from urllib.parse import urlsplit

import pytest

import envgym
from envgym.errors import Fault, UsageError
from envgym.messages import Action
from envgym.serve.protocol.frames import MAX_BYTES
from envgym.utils.served_address import served_address
from tests.envgym.serve.running import Running, running

PLAIN = "ws://h:1/a/b-v1"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (PLAIN, PLAIN),
        ("h:1/a/b-v1", PLAIN),
        ("http://h:1/a/b-v1", PLAIN),
        ("WS://h:1/a/b-v1", PLAIN),
        ("Http:/h:1/a/b-v1", PLAIN),
        ("ws:///h:1//a//b-v1//", PLAIN),
        (" ws://h:1/a/b-v1/ ", PLAIN),
        ("https://h/a/b-v1", "wss://h/a/b-v1"),
        ("[::1]:1/b-v0", "ws://[::1]:1/b-v0"),
        ("ws://[::1]:1/b-v0", "ws://[::1]:1/b-v0"),
        ("h:1", "ws://h:1/"),
        ("ws://h", "ws://h/"),
        ("search/wiki-v1", None),
        ("wiki-v1", None),
        ("package.module:Class", None),
        ("ws:Class", None),
        ("localhost/wiki-v1", None),
    ],
)
def test_what_is_meant(typed: str, meant: str | None) -> None:
    assert served_address(typed) == meant


@pytest.mark.parametrize(
    ("typed", "fix"),
    [
        ("ftp://h:1/b-v0", "scheme 'ftp': write ws://HOST:PORT/FAMILY/NAME-vN"),
        ("ws://h:99999/b-v0", "is no address"),
        ("ws://h:port/b-v0", "is no address"),
        ("ws://[::1/b-v0", "is no address"),
        ("ws://:80/b-v0", "names no host"),
        ("h:1/b-v0?x=1", r"make\(address, name=value\)"),
        ("ws://h:1/b-v0#x", "arguments do not go into the address"),
    ],
)
def test_what_cannot_be_meant(typed: str, fix: str) -> None:
    with pytest.raises(UsageError, match=fix):
        envgym.make(typed)


def _texts() -> Iterator[str]:
    """Addresses with a part too many, too few or out of place."""
    random = Random(0)
    parts = ["ws", "http", "WSS", "x", ":", "/", "//", "[", "]", "::1", "h", "é", "80", "99999"]
    parts += ["?", "#", "@", "%", ".", " ", "\n", "\x00", "\ud800", "a/b-v1"]
    for _ in range(5000):
        yield "".join(random.choices(parts, k=random.randint(0, 9)))


def test_any_text_is_read_once() -> None:
    for text in _texts():
        _read_once(text)


def _read_once(text: str) -> None:
    try:
        found = served_address(text)
    except UsageError:
        return
    if found is not None:
        assert urlsplit(found).scheme in ("ws", "wss")
        assert served_address(found) == found


async def _plays(url: str) -> None:
    env = await asyncio.to_thread(envgym.make, url)
    await env.reset(seed=0)
    await env.step(Action("x"))
    await env.close()


async def test_every_spelling_reaches_the_server(server: Running) -> None:
    bare = server.url.removeprefix("ws://")
    for url in (bare, f"http://{bare}", f"WS://{bare}"):
        await _plays(f"{url}//odd-v0/")


async def test_errors_name_what_is_served(server: Running) -> None:
    with pytest.raises(UsageError, match=r"names no environment\. Served here: .*odd-v0"):
        await asyncio.to_thread(envgym.make, server.url)
    with pytest.raises(UsageError, match=r"no environment 'odd'\. Did you mean 'odd-v0'\?"):
        await asyncio.to_thread(envgym.make, f"{server.url}/odd")
    plain = f"{server.url}/odd-v0"
    with pytest.raises(Fault, match=f"it speaks no TLS: write {plain}"):
        await asyncio.to_thread(envgym.make, plain.replace("ws:", "wss:"))


async def test_ipv6() -> None:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
    with running("tests.envgym.serve.odd_world:Odd", host="::1") as server:
        assert server.url.startswith("ws://[::1]:")
        await _plays(f"{server.url}/odd-v0")


async def test_a_frame_as_long_as_may_be_crosses(server: Running) -> None:
    """Texts of other scripts count as in UTF-8; one sign more is refused, the session goes on."""
    env = await asyncio.to_thread(envgym.make, f"{server.url}/guess-v0")
    await env.reset(seed=0)
    room = MAX_BYTES - len('{"op":"step","id":3,"action":{"text":""}}')
    with pytest.raises(UsageError, match="send less"):
        await env.step(Action("é" * (room // 2 + 1)))
    await env.step(Action("é" * (room // 2)))
    await env.close()
