"""The site host: pages that link to each other, and episodes that do not see each other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from envgym.environments.search.world.world import World
from envgym.environments.web.encyclopedia import Encyclopedia
from envgym.environments.web.host import SiteHost

Client = TestClient[aiohttp.web.Request, aiohttp.web.Application]
ALL = {"seed": 3, "size": 120}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(SiteHost(most_episodes=3).app())) as client:
        yield client


async def opened(client: Client, **world: int) -> tuple[str, str]:
    async with client.post("/episodes", json={**ALL, **world}) as answer:
        assert answer.status == 201
        found = await answer.json()
        return found["id"], found["url"]


async def text(client: Client, path: str, status: int = 200) -> str:
    async with client.get(path) as answer:
        assert answer.status == status
        assert answer.content_type == "text/html"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        return await answer.text()


def links(page: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'<a href="([^"]+)"', page)]


async def test_every_entry_is_reached_from_the_contents_and_every_link_leads_somewhere(
    client: Client,
) -> None:
    _, url = await opened(client)
    waiting, seen = [url], set[str]()
    while waiting:
        link = waiting.pop()
        if link not in seen:
            seen.add(link)
            waiting += links(await text(client, link))
    world = World.generate(3, 120)
    assert len([link for link in seen if "/wiki/" in link]) == len(world.passages)


def test_a_fact_is_a_link() -> None:
    site = Encyclopedia(3, 120)
    kinds = site.world.kinds
    facts = [f for f in site.world.facts if f.object in kinds and f.object != f.subject]
    assert len(facts) > 100
    for fact in facts:
        page = site.entry("/", fact.subject)
        assert page is not None
        assert f">{fact.object}</a>" in page


async def test_a_search_finds_the_page_it_names_and_a_wrong_title_those_like_it(
    client: Client,
) -> None:
    _, url = await opened(client)
    title = World.generate(3, 120).passages[5].title
    assert links(await text(client, f"{url}search?q={title}"))[1].endswith(
        title.replace(" ", "%20")
    )
    assert "Nothing found" in await text(client, f"{url}search?q=zzzz")
    assert title in await text(client, f"{url}wiki/{title[1:]}q", status=404)


async def test_what_a_visitor_types_is_shown_as_text(client: Client) -> None:
    _, url = await opened(client)
    evil = '"><script>alert(1)</script>'
    for path in (f"{url}search", f"{url}wiki/x"):
        async with client.get(path, params={"q": evil}) as answer:
            assert "<script" not in await answer.text()


async def test_episodes_see_nothing_of_each_other_and_can_be_set_back(client: Client) -> None:
    first, url = await opened(client)
    second, other = await opened(client, seed=4)
    title = World.generate(3, 120).passages[0].title
    await text(client, f"{url}wiki/{title}")
    await text(client, f"{url}?page=2")

    async def visits(id: str) -> list[str]:
        async with client.get(f"/episodes/{id}") as answer:
            return list((await answer.json())["visits"])

    assert await visits(first) == [f"/wiki/{title.replace(' ', '%20')}", "/?page=2"]
    assert await visits(second) == []
    assert await text(client, url) != (await text(client, other)).replace(other, url)
    async with client.post(f"/episodes/{first}/reset", json={"seed": 4}) as answer:
        assert answer.status == 200
    assert await visits(first) == []
    assert await text(client, url) == (await text(client, other)).replace(other, url)


async def test_there_are_as_many_episodes_as_may_be(client: Client) -> None:
    ids = [(await opened(client))[0] for _ in range(3)]
    async with client.post("/episodes", json=ALL) as answer:
        assert answer.status == 503
        assert "all 3 episodes are taken" in (await answer.json())["error"]
    async with client.delete(f"/episodes/{ids[0]}") as answer:
        assert answer.status == 200
    for method in ("get", "delete"):
        async with client.request(method, f"/episodes/{ids[0]}") as answer:
            assert answer.status == 404
    await opened(client)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"\xff\x00", 400),
        (b'{"seed": -1}', 400),
        (b'{"seed": true}', 400),
        (b'{"size": 1e9}', 400),
        (b'{"size": 10}', 400),
        (b'{"size": 99999999}', 400),
        (b" " * 50_000, 413),
    ],
)
async def test_what_is_wrong_opens_nothing(client: Client, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    async with client.post("/episodes", data=body, headers=headers) as answer:
        assert answer.status == status
    async with client.get("/health") as answer:
        assert (await answer.json())["episodes"] == 0


async def test_a_form_of_a_page_opens_nothing_and_sites_answer_many_at_once(
    client: Client,
) -> None:
    async with client.post("/episodes", data={"seed": "1"}) as answer:
        assert answer.status == 415
    _, url = await opened(client)
    pages = await asyncio.gather(*(text(client, url) for _ in range(50)))
    assert len(set(pages)) == 1
