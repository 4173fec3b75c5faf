"""Rate limits and proxies of an endpoint."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web

from envgym.agents import OpenAIAgent
from envgym.errors import Fault, UsageError
from envgym.resources import open_resources
from tests.agents.openai.endpoint import Server, ask, error, running, says


async def _seconds(agents: list[OpenAIAgent], count: int) -> float:
    began = time.monotonic()
    await asyncio.gather(*(agents[i % len(agents)].act(ask()) for i in range(count)))
    return time.monotonic() - began


async def test_agents_of_one_endpoint_share_its_limit(server: Server) -> None:
    before = open_resources()
    agents = [OpenAIAgent(server.url, "toy", requests_per_minute=1200) for _ in range(2)]
    assert await _seconds(agents, 7) >= 0.29
    for agent in agents:
        await agent.close()
    assert open_resources() == before


async def test_tokens_per_minute(server: Server) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 90}
    server.reply = lambda body: {**says("hello"), "usage": usage}
    agent = OpenAIAgent(server.url, "toy", max_tokens=80, tokens_per_minute=60_000)
    assert await _seconds([agent], 4) >= 0.23
    usage["completion_tokens"] = 3000
    await agent.act(ask())
    assert await _seconds([agent], 1) >= 1.5, "what the answer really took is counted"
    await agent.close()


async def test_one_refusal_holds_back_all(server: Server, agent: OpenAIAgent) -> None:
    """After a 429 that names a time no other request is sent before it."""
    times: list[float] = []

    def reply(body: object) -> web.StreamResponse | dict[str, object]:
        times.append(time.monotonic())
        return error(429, "too fast", **{"Retry-After": "1"}) if len(times) == 1 else says("ok")

    server.reply = reply  # type: ignore[assignment]
    first = asyncio.create_task(agent.act(ask()))
    await asyncio.sleep(0.1)
    await asyncio.gather(first, agent.act(ask()), agent.act(ask()))
    assert times[1] - times[0] >= 0.99


async def test_a_date_is_a_time_to_come_back(server: Server, agent: OpenAIAgent) -> None:
    def reply(body: object) -> web.StreamResponse | dict[str, object]:
        later = formatdate(time.time() + 2, usegmt=True)
        return error(503, "", **{"Retry-After": later}) if len(server.seen) == 1 else says("ok")

    server.reply = reply  # type: ignore[assignment]
    assert await _seconds([agent], 1) >= 0.9, "dates have no parts of a second"


async def test_the_last_request_before_a_reset(server: Server, agent: OpenAIAgent) -> None:
    gone = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1500ms"}
    server.reply = lambda body: web.json_response(says("ok"), headers=gone)
    await agent.act(ask())
    assert await _seconds([agent], 1) >= 0.5


async def test_an_account_without_money_is_not_asked_again(
    server: Server, agent: OpenAIAgent
) -> None:
    body = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    server.reply = lambda _: web.json_response(body, status=429)
    with pytest.raises(UsageError, match=r"exceeded your quota.*TEST_KEY needs money"):
        await agent.act(ask())
    assert len(server.seen) == 1


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[web.Request]]:
    """A proxy that answers for every server; the requests it saw."""
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response(says("through the proxy"))

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    async with running(handle) as address:
        login = address.replace("//", "//me:secret@")
        monkeypatch.setenv("HTTP_PROXY", login)
        yield seen


async def _says(url: str) -> str:
    agent = OpenAIAgent(url, "toy", retries=0)
    try:
        return (await agent.act(ask())).text
    finally:
        await agent.close()


async def test_a_proxy_is_used(proxy: list[web.Request]) -> None:
    assert await _says("http://models.invalid/v1") == "through the proxy"
    [request] = proxy
    assert request.raw_path == "http://models.invalid/v1/chat/completions"
    assert request.headers["Proxy-Authorization"] == "Basic bWU6c2VjcmV0"


@pytest.mark.parametrize("without", ["127.0.0.1", "*", "x.org, 127.0.0.1"])
async def test_no_proxy(
    server: Server, proxy: list[web.Request], without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", without)
    assert await _says(server.url) == "hello"
    assert not proxy


async def test_https_goes_by_its_own_variable(
    proxy: list[web.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tunnel is asked for; this proxy digs none, and the error names it without its login."""
    monkeypatch.setenv("HTTPS_PROXY", os.environ["HTTP_PROXY"].removeprefix("http://"))
    with pytest.raises(Fault, match=r"through the proxy http://127\.0\.0\.1:\d+\)"):
        await _says("https://models.invalid/v1")


async def test_a_proxy_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(UsageError, match=r"HTTPS_PROXY must name an http:// one, or NO_PROXY=mod"):
        await _says("https://models.invalid/v1")


async def test_no_login_is_taken_from_netrc(
    server: Server, agent: OpenAIAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    await agent.act(ask())
    assert server.headers[0]["Authorization"] == "Bearer sesame"
