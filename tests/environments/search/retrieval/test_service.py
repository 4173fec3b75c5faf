"""A search server and its client: the same answers as an index in the process, and no crash."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import envgym
from envgym.environments.search.retrieval.index import Bm25Index
from envgym.environments.search.retrieval.remote import RemoteRetriever
from envgym.environments.search.retrieval.retriever import LocalRetriever
from envgym.environments.search.retrieval.service import SearchService
from envgym.environments.search.world.world import World
from envgym.errors import Fault, UsageError
from envgym.resources import open_resources


@pytest.fixture
async def index(world: World) -> Bm25Index:
    return Bm25Index(world.passages)


@pytest.fixture
async def url(index: Bm25Index) -> AsyncIterator[str]:
    async with TestServer(SearchService(index).app()) as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_it_answers_as_an_index_here_does(url: str, index: Bm25Index, world: World) -> None:
    local, remote = LocalRetriever(index), RemoteRetriever(url)
    try:
        for passage in world.passages[:30]:
            for query in (passage.title, passage.text[:60], "zzzz", ""):
                assert await remote.find(query, 4) == await local.find(query, 4)
            for title in (passage.title.upper(), passage.title[1:] + "q", ""):
                assert await remote.page(title) == await local.page(title)
    finally:
        await remote.close()


async def test_the_environment_plays_the_same_over_a_server() -> None:
    async def play(**kwargs: Any) -> list[tuple[str, float]]:
        seen = []
        async with envgym.make("search/wiki-v1", seed=3, size=120, **kwargs) as env:
            for seed in range(5):
                observation, _ = await env.reset(seed=seed)
                seen.append((observation.text, 0.0))
                async for action in env.oracle():
                    step = await env.step(action)
                    seen.append((step.observation.text, step.reward))
            await env.reset(seed=9)
            near = await env.step(envgym.Action.call("access", title="no such page"))
            seen.append((near.observation.text, near.reward))
        return seen

    before = open_resources()
    world = World.generate(3, 120)
    async with TestServer(SearchService(Bm25Index(world.passages)).app()) as server:
        url = str(server.make_url("/"))
        assert await play(server=url) == await play()
    assert open_resources() == before


async def test_questions_of_a_file_need_no_corpus_where_a_server_has_it(
    url: str, tmp_path: Path, world: World
) -> None:
    pages = world.passages[:30]
    rows = [{"question": f"What is {page.title}?", "answer": page.title} for page in pages]
    path = tmp_path / "questions.json"
    path.write_text(json.dumps(rows))
    async with envgym.make("search/wiki-v1", server=url, questions=str(path)) as env:
        assert 0 < len(env.tasks("train")) < len(rows)
        await env.reset(seed=0)
        step = await env.step(envgym.Action.call("access", title=pages[0].title))
        assert pages[0].text in step.observation.text


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("/find", b"", "no JSON"),
        ("/find", b"\xff\x00garbage", "no JSON"),
        ("/find", b"[" * 50_000, "no JSON"),
        ("/find", b"[1]", "no JSON object"),
        ("/find", b"{}", "'query' is not there"),
        ("/find", b'{"query": 7}', "no string"),
        ("/find", b'{"query": "x", "count": 0}', "ask for 1 to 100"),
        ("/find", b'{"query": "x", "count": -5}', "ask for 1 to 100"),
        ("/find", b'{"query": "x", "count": true}', "ask for 1 to 100"),
        ("/find", b'{"query": "x", "count": 1e9}', "ask for 1 to 100"),
        ("/page", b'{"title": null}', "'title' is not there"),
    ],
)
async def test_what_is_wrong_is_said(url: str, path: str, body: bytes, why: str) -> None:
    async with aiohttp.ClientSession() as session, session.post(url + path, data=body) as answer:
        assert answer.status == 400
        assert why in (await answer.json())["error"]


async def test_a_flood_is_refused_and_health_is_a_real_search(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(url + "/find", data=b"x" * 100_000) as answer:
            assert answer.status == 413
        async with session.get(url + "/health") as answer:
            assert answer.status == 200
            assert await answer.json() == {"status": "ok", "pages": 120}


@pytest.mark.parametrize(
    "answer", [{}, {"pages": "x"}, {"pages": [{"id": 1}]}, {"pages": [3]}, {"page": 3, "near": []}]
)
async def test_a_server_that_answers_nonsense_is_a_fault(answer: dict[str, Any]) -> None:
    async def say(request: web.Request) -> web.Response:
        return web.json_response(answer)

    app = web.Application()
    app.router.add_post("/{any}", say)
    async with TestServer(app) as server:
        retriever = RemoteRetriever(str(server.make_url("/")))
        with pytest.raises(Fault):
            await (retriever.page("x") if "page" in answer else retriever.find("x", 1))
        await retriever.close()


async def test_another_server_and_none_are_faults() -> None:
    async with TestServer(web.Application()) as server:
        url = str(server.make_url("/"))
        retriever = RemoteRetriever(url, retries=0)
        with pytest.raises(Fault, match="no search server"):
            await retriever.find("x", 1)
    with pytest.raises(Fault) as caught:
        await retriever.find("x", 1)
    assert caught.value.kind == "infra"
    await retriever.close()
    with pytest.raises(UsageError, match="http://"):
        RemoteRetriever("search:8090")
