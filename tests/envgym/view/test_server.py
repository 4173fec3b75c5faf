from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from envgym.errors import UsageError
from envgym.view.server import Viewer, serve
from tests.envgym.view.runs import add, add_metrics, episode, run_folder


async def test_data_is_sent_when_it_is_new(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    async with TestClient(TestServer(Viewer(folder).app("127.0.0.1"))) as client:
        first = await client.get("/data")
        assert len((await first.json())["list"]) == 12
        tag = first.headers["ETag"]
        again = await client.get("/data", headers={"If-None-Match": tag})
        assert (again.status, await again.read()) == (304, b"")
        add_metrics(folder, [{"step": 6, "score": 1.0}])
        add(folder, "step_6", [episode(0)])
        new = await client.get("/data", headers={"If-None-Match": tag})
        data = await new.json()
        assert data["metrics"]["step"][-1] == 6
        assert len(data["list"]) == 13


async def test_an_episode_is_sent_when_it_is_asked_for(tmp_path: Path) -> None:
    async with TestClient(TestServer(Viewer(run_folder(tmp_path / "r")).app("::1"))) as client:
        page = await (await client.get("/")).text()
        assert '"live":true' in page
        assert '"episodes":{' not in page
        found = await client.get("/episode", params={"key": "trained/0/1"})
        assert (await found.json())["id"] == "e/1"
        for key in ("trained/0/77", "../../etc/passwd"):
            lost = await client.get("/episode", params={"key": key})
            assert lost.status == 404
            assert "reload" in await lost.text()


async def test_only_this_machines_names_are_answered(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    async with TestClient(TestServer(Viewer(folder).app("127.0.0.1"))) as client:
        rebound = {"Host": "evil.example:80"}
        for path in ("/", "/data", "/episode?key=trained/0/0"):
            assert (await client.get(path, headers=rebound)).status == 403
        assert (await client.get("/data", headers={"Host": "localhost:1"})).status == 200
    async with TestClient(TestServer(Viewer(folder).app("0.0.0.0"))) as client:
        assert (await client.get("/data", headers=rebound)).status == 200


async def test_it_serves_until_cancelled_and_names_a_taken_port(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(folder, "127.0.0.1", 0, ready.set_result))
    address = await ready
    async with ClientSession() as session, session.get(f"{address}data") as answer:
        assert answer.status == 200
    port = int(address.rstrip("/").rpartition(":")[2])
    with pytest.raises(UsageError, match="--port"):
        await serve(folder, "127.0.0.1", port)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
