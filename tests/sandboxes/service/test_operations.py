"""What the service does, asked by hand."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from envgym.sandboxes.service.protocol import read_error
from tests.sandboxes.service.client import OTHER, Client, service, stdout
from tests.sandboxes.service.conftest import CONFIG


async def test_one_shots(client: Client) -> None:
    status, answer = await client.python("import sys; print(6 * 7); sys.exit(3)")
    assert (status, stdout(answer)) == (200, b"42\n")
    assert (answer[0]["outcome"], answer[0]["exit_code"]) == ("RE", 3)
    header = {"language": "exec", "argv": ["cat"], "limits": {"wall_s": 5}}
    status, answer = await client.send("/v1/run", header, b"\xff\x00raw")
    assert (status, stdout(answer)) == (200, b"\xff\x00raw")
    assert await client.metric('envgym_sandbox_outcomes_total{outcome="RE"}') == 1
    assert await client.metric("envgym_sandbox_boxes") == 0


async def test_a_box_lives_through_requests(client: Client) -> None:
    box = await client.open()
    data = bytes(range(256)) * 4000
    assert (await client.send(box + "/write", {"path": "in/data"}, data))[0] == 200
    status, answer = await client.send(box + "/read", {"path": "in/data"})
    assert answer == ({}, [data])
    header = {"argv": ["sh", "-c", "echo $A; ls in"], "env": {"A": "b"}}
    status, answer = await client.send(box + "/exec", header, b"")
    assert stdout(answer) == b"b\ndata\n"
    _, (_, [snapshot]) = await client.send(box + "/snapshot", {})
    _, (opened, _) = await client.send("/v1/boxes", {}, snapshot)
    _, answer = await client.send(f"/v1/boxes/{opened['box']}/read", {"path": "in/data"})
    assert answer[1] == [data]
    _, (forked, _) = await client.send(box + "/fork", {})
    _, answer = await client.python("print(open('in/data','rb').read(2))", box + "/python")
    assert stdout(answer) == b"b'\\x00\\x01'\n"
    assert await client.metric("envgym_sandbox_boxes") == 3
    for path in (box, f"/v1/boxes/{forked['box']}", box):
        assert (await client.send(path, method="DELETE"))[0] == 200
    assert await client.metric("envgym_sandbox_boxes") == 1
    status, said = await client.send(box + "/snapshot", {})
    assert (status, said["error"]) == (404, "gone")


async def test_sessions(client: Client) -> None:
    box = await client.open()
    _, (opened, _) = await client.send(box + "/session", {"kind": "repl"})
    repl = f"{box}/sessions/{opened['session']}"
    await client.send(repl + "/run", {}, b"x = 20")
    _, (forked, _) = await client.send(repl + "/fork", {})
    await client.send(repl + "/run", {}, b"x = 0")
    _, answer = await client.send(f"{box}/sessions/{forked['session']}/run", {}, b"x + 1")
    assert stdout(answer) == b"21\n"
    status, said = await client.send(box + "/session", {"kind": "shell"})
    assert (status, said["error"]) == (400, "usage")  # two are the most here
    assert "close one first" in said["message"]
    for _ in range(2):
        assert (await client.send(repl, method="DELETE"))[0] == 200
    status, said = await client.send(repl + "/run", {}, b"x")
    assert (status, said["error"]) == (410, "lost")
    fork = f"{box}/sessions/{forked['session']}"
    await client.send(fork + "/run", {}, b"raise SystemExit")
    assert (await client.send(fork + "/run", {}, b"1"))[1]["error"] == "lost"  # and makes room
    assert await client.metric("envgym_sandbox_sessions") == 0
    _, (opened, _) = await client.send(box + "/session", {"kind": "shell"})
    shell = f"{box}/sessions/{opened['session']}"
    await client.send(shell + "/run", {}, b"cd /; A=7")
    _, answer = await client.send(shell + "/run", {}, b"pwd; echo $A")
    assert stdout(answer) == b"/\n7\n"
    assert await client.metric("envgym_sandbox_sessions") == 1


async def test_boxes_are_their_owners(client: Client) -> None:
    box = await client.open()
    for path, method in ((box + "/snapshot", "POST"), (box, "DELETE")):
        status, said = await client.send(path, method=method, token=OTHER)
        assert status == (404 if method == "POST" else 200), said
    assert (await client.send(box + "/snapshot", {}))[0] == 200  # it is still there


async def test_idle_boxes_are_closed_and_busy_ones_are_not(tmp_path: Path) -> None:
    async with service(tmp_path, config=replace(CONFIG, idle_s=0.4)) as client:
        box, idle = await client.open(), await client.open()
        _, answer = await client.python("import time; time.sleep(1.2); print(1)", box + "/python")
        assert stdout(answer) == b"1\n"
        status, said = await client.send(idle + "/snapshot", {})
        assert (status, said["error"]) == (404, "gone")
        assert "0.4 s" in said["message"]
        assert (await client.send(box + "/snapshot", {}))[0] == 200  # used a moment ago


async def test_capacity_is_an_error_that_says_when_to_come_back(tmp_path: Path) -> None:
    config = replace(CONFIG, requests=2)
    async with service(tmp_path, config=config, size=0, most=1) as client:
        go = tmp_path / "go"
        waits = (
            f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\nprint(1)"
        )
        first = asyncio.create_task(client.python(waits))
        second = asyncio.create_task(client.python("print(2)"))
        async with asyncio.timeout(20):
            while await client.metric("envgym_sandbox_requests_in_progress") < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        async with client.http.post(
            client.url + "/v1/run", headers={"Authorization": "Bearer a-token-of-the-tests"}
        ) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            error = read_error(await response.read())
            assert error is not None
            assert "send fewer" in str(error)
        go.touch()
        assert stdout((await first)[1]) == b"1\n"
        assert stdout((await second)[1]) == b"2\n"


async def test_health_runs_a_job(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    async with client.http.get(client.url + "/health") as response:  # no token
        assert response.status == 200
        assert await response.json() == {"ok": True, "backend": "unsafe", "problem": ""}
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_metrics_tell_of_the_pool(client: Client) -> None:
    await client.python("1")
    assert await client.metric('envgym_sandbox_requests_total{operation="run",status="200"}') == 1
    assert await client.metric('envgym_sandbox_pool_wait_seconds_bucket{le="+Inf"}') == 1
    assert await client.metric('envgym_sandbox_pool_events_total{event="leased_in_all"}') == 1
    _, text = await client.send("/metrics", method="GET")
    assert "a-token-of" not in text


async def test_a_run_that_waits_for_the_bound_gets_its_turn(tmp_path: Path) -> None:
    async with service(tmp_path, config=CONFIG, size=1, most=2) as client:
        answers = await asyncio.gather(*(client.python(f"print({i})") for i in range(6)))
        assert [stdout(a) for _, a in answers] == [b"%d\n" % i for i in range(6)]
