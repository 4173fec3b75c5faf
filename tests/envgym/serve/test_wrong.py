"""What goes wrong between two ends: a typed error at once, a line in the log, nothing left over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import envgym
from envgym.agents.oracle import OracleAgent
from envgym.env import Env
from envgym.errors import Fault, UsageError
from envgym.messages import Action
from envgym.rollout.runner import Limits, Rollout, Start
from envgym.serve import session as session_module
from envgym.serve.protocol.frames import MAX_BYTES, MESSAGE_LIMIT
from envgym.serve.server import EnvServer, serve
from tests.envgym.serve.conftest import ODD
from tests.envgym.serve.odd_world import Odd
from tests.envgym.serve.running import PROGRAM, ROOT, Running, program, running, until

GUESS = "tests.envgym.worlds:Guess"


@pytest.fixture(autouse=True)
def _nothing_is_left(server: Running) -> Any:
    asyncio.run(envgym.make(f"{server.url}/odd-v0").close())  # the one that a server keeps
    live = Odd.live
    yield
    asyncio.run(until(lambda: Odd.live == live and server.server.sessions == 0))


# --- who may, and what there is -----------------------------------------------------------------


async def test_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    right, wrong, empty = (tmp_path / name for name in ("right", "wrong", "empty"))
    right.write_text("correct horse\n")
    wrong.write_text("battery")
    empty.write_text("\n")
    with running(GUESS, token_file=right) as server:
        url = f"{server.url}/guess-v0"
        for path in (None, wrong):
            if path is not None:
                monkeypatch.setenv("ENVGYM_TOKEN_FILE", str(path))
            with pytest.raises(UsageError, match="wrong token: set ENVGYM_TOKEN_FILE"):
                envgym.make(url)
            async with aiohttp.ClientSession() as http:
                with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
                    await http.ws_connect(url, headers={"Authorization": "Bearer battery"})
                assert raised.value.status == 401
        monkeypatch.setenv("ENVGYM_TOKEN_FILE", str(right))
        async with envgym.make(url) as env:
            await env.reset(seed=0)
            monkeypatch.setenv("ENVGYM_TOKEN_FILE", str(tmp_path / "none"))
        with pytest.raises(UsageError, match="cannot read ENVGYM_TOKEN_FILE="):
            envgym.make(url)
        assert "wrong token" in caplog.text
        assert "envgym_capacity 2048.0" in _metrics(server)  # open to all
    for path, said in ((empty, "is empty"), (tmp_path / "none", "cannot read the token file")):
        with pytest.raises(UsageError, match=said):
            Running(GUESS, token_file=path)
    with pytest.raises(UsageError, match="can be reached by others: give --token-file"):
        Running(GUESS, host="0.0.0.0")


def test_unknown_ids_are_answered_with_the_nearest(server: Running) -> None:
    with pytest.raises(UsageError, match=r"no environment 'gues-v0'\. Did you mean 'guess-v0'"):
        envgym.make(f"{server.url}/gues-v0")
    with pytest.raises(UsageError, match=r"no environment 'tests\.envgym\.worlds:Solver'"):
        envgym.make(f"{server.url}/tests.envgym.worlds:Solver")  # no client has a module loaded
    with pytest.raises(UsageError, match=r"no environment 'search/wik-v1'.*'search/wiki-v1'"):
        Running("search/wik-v1")
    with pytest.raises(UsageError, match="capacity must be at least 1"):
        Running(GUESS, capacity=0)
    with pytest.raises(UsageError, match="sockets need"):
        Running(GUESS, capacity=10**9)
    with pytest.raises(UsageError, match="cannot listen on"):
        asyncio.run(serve([GUESS], port=int(server.url.rpartition(":")[2])))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(Fault, match=r"cannot reach .*: is `envgym serve` running there"):
            envgym.make(f"ws://127.0.0.1:{free.getsockname()[1]}/guess-v0")


async def test_a_full_server_says_so_at_once() -> None:
    with running(GUESS, capacity=2) as server:
        url = f"{server.url}/guess-v0"
        envs = [envgym.make(url) for _ in range(3)]
        for env in envs[:2]:
            await env.reset(seed=0)
        began = time.monotonic()
        with pytest.raises(Fault, match="the server is full: all 2 places are taken") as raised:
            await envs[2].reset(seed=0)
        assert raised.value.kind == "infra"
        assert time.monotonic() - began < 5
        assert 'envgym_refused_total{reason="capacity"} 1.0' in _metrics(server)
        await envs[0].close()
        await until(lambda: server.server.sessions == 1)
        await envs[2].reset(seed=0)  # the place is free again
        for env in envs:
            await env.close()
        rollout = Rollout(lambda: envgym.make(url), Limits(concurrency=4, retries=0))
        result = await rollout.run([Start(s) for s in range(8)], OracleAgent())
        await rollout.close()
        assert all(e.score == 1.0 for e in result.episodes)  # what was refused is no episode of 0
        assert all("infra: the server is full" in str(e.fault) for e in result.quarantined)


def test_the_program_names_mistakes_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "serve", "serch/wiki-v1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: no environment 'serch/wiki-v1'. Did you mean")
    assert len(done.stderr.splitlines()) == 1


def test_a_page_in_a_browser_is_refused(server: Running) -> None:
    request = urllib.request.Request(
        f"{server.http}/guess-v0", b"{}", {"Origin": "http://evil.example"}
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)
    with raised.value as answer:
        assert answer.code == 403


# --- frames that nobody should send -------------------------------------------------------------


async def _raw(server: Running, *frames: Any, read: int = 9) -> list[Any]:
    """Everything that the server answers to these frames, after the environment was opened."""
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{server.url}/odd-v0") as ws:
        await ws.send_json({"op": "open", "id": 0, "kwargs": {}})
        assert json.loads((await ws.receive()).data)["re"] == "opened"
        for frame in frames:
            await (ws.send_bytes(frame) if isinstance(frame, bytes) else ws.send_str(frame))
        answers = []
        for _ in range(read):
            message = await ws.receive(timeout=10)
            if message.type is not aiohttp.WSMsgType.TEXT:
                answers.append(ws.close_code)
                break
            answers.append(json.loads(message.data))
        return answers


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"\x00\xff\xfe garbage", "binary and no text"),
        ("garbage", "no JSON"),
        ("[" * 50_000, "no JSON"),
        ('{"op": "step", "id": 8, "action": null}', "step.action"),
        ('{"op": "open", "id": 8, "kwargs": {}}', "'open'"),
    ],
)
async def test_garbage_is_answered_and_ends_the_session(
    server: Running, frame: Any, said: str, caplog: Any
) -> None:
    failure, code = await _raw(server, frame)
    assert failure["error"] == "UsageError"
    assert said in failure["message"]
    assert failure["id"] == (8 if '"id": 8' in str(frame) else 0)
    assert code == 1008
    assert said in caplog.text


async def test_a_frame_that_is_too_long_ends_the_session(server: Running, caplog: Any) -> None:
    with contextlib.suppress(ConnectionError, aiohttp.ClientError):  # cut off while it sends
        assert (await _raw(server, "x" * (MAX_BYTES + 1)))[-1] in (1008, 1009)
    assert f"exceeds limit {MESSAGE_LIMIT}" in caplog.text
    env = envgym.make(f"{server.url}/odd-v0")
    await env.reset(seed=0)
    with pytest.raises(UsageError, match=r"a frame may have .* \(16 MiB\): send less"):
        await env.step(Action("x" * (MAX_BYTES + 1)))
    with pytest.raises(Fault, match="an answer cannot cross the wire: it has 17,") as raised:
        await env.step(Action(f"huge {MAX_BYTES + 2**20}"))
    assert raised.value.kind == "env"
    await env.reset(seed=0)  # the session is as good as before
    with pytest.raises(Fault, match=r"an answer cannot cross .*: keep it to JSON values"):
        await env.step(Action("metric object"))
    await env.close()


async def test_too_many_requests_at_once_end_the_session(server: Running) -> None:
    step = '{"op": "step", "id": %d, "action": {"text": "wait 30"}}'
    reset = '{"op": "reset", "id": 1, "seed": 1, "options": {}, "task": null}'
    frames = [reset, *(step % (n + 2) for n in range(session_module.WAITING + 2))]
    began, failure, code = await _raw(server, *frames)
    assert (began["re"], code) == ("began", 1008)
    assert failure["message"] == "16 requests wait already: wait for their answers"
    await until(lambda: not Odd.waiting, 3)  # cut, long before its deadline


async def test_requests_are_answered_in_order_and_cancelled_in_the_queue(server: Running) -> None:
    reset = '{"op": "reset", "id": 1, "seed": 1, "options": {}, "task": null}'
    step = '{"op": "step", "id": %d, "action": {"text": "%s"}}'
    frames = [reset, step % (2, "wait 0.2"), step % (3, "a"), step % (4, "b")]
    answers = await _raw(server, *frames, '{"op": "cancel", "id": 3}', read=3)
    assert [answer["id"] for answer in answers] == [1, 2, 4]


async def test_a_first_frame_that_opens_nothing(server: Running) -> None:
    async with aiohttp.ClientSession() as http:
        for frame in ('{"op": "close", "id": 1}', '{"op": "open", "id": 1, "kwargs": {"x": 1}}'):
            async with http.ws_connect(f"{server.url}/odd-v0") as ws:
                await ws.send_str(frame)
                failure = json.loads((await ws.receive()).data)
                assert failure["error"] == "UsageError"
        async with http.get(f"{server.http}/odd-v0") as answer:
            assert answer.status == 426
        for body in (b"\xff\x00", b"{}", b'{"op": "hints", "session": "none", "attempt": null}'):
            async with http.post(f"{server.http}/odd-v0", data=body) as answer:
                assert (await answer.json())["re"] == "failed"


def test_a_server_of_another_kind_is_named(server: Running) -> None:
    with pytest.raises(UsageError, match="no environment 'x/y'"):
        envgym.make(f"{server.url}/x/y")
    import http.server
    import threading

    other = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=other.serve_forever)
    thread.start()
    try:
        with pytest.raises(Fault, match="it answers 501, not as envgym does"):
            envgym.make(f"ws://127.0.0.1:{other.server_port}/odd-v0")
    finally:
        other.shutdown()
        thread.join()
        other.server_close()


# --- ends that vanish ---------------------------------------------------------------------------


async def test_a_client_that_vanishes_in_a_step_frees_its_environment(server: Running) -> None:
    live, cancelled = Odd.live, Odd.cancelled
    env = envgym.make(f"{server.url}/odd-v0")
    await env.reset(seed=0)
    step = asyncio.create_task(env.step(Action("wait 60")))
    await until(lambda: Odd.waiting == 1)
    assert Odd.live == live + 1
    link: Any = env._connection  # type: ignore[attr-defined]
    link._socket._response.connection.transport.abort()  # no farewell: the process was killed
    with pytest.raises(Fault, match=r"the connection to .* is lost") as raised:
        await step
    assert raised.value.kind == "infra"
    await until(lambda: Odd.live == live)
    assert Odd.cancelled == cancelled + 1
    assert server.server.sessions == 0
    with pytest.raises(UsageError, match="cannot step: the episode is broken; call reset first"):
        await env.step(Action("x"))
    await env.reset(seed=0)  # on a new socket
    await env.close()
    assert "envgym_vanished_total 0.0" not in _metrics(server)


async def test_a_server_killed_in_a_step_is_a_fault_and_no_score() -> None:
    with program(ODD) as (process, url):
        make = lambda: envgym.make(f"{url}/odd-v0")  # noqa: E731
        keep = make()

        class Waits(OracleAgent):
            async def act(self, context: Any) -> Any:
                return envgym.Completion(action=Action("wait 60"))

        rollout = Rollout(make, Limits(concurrency=3, retries=0))
        playing = asyncio.create_task(rollout.run([Start(s) for s in range(3)], Waits()))
        await until(lambda: _gauge(url, "envgym_sessions") == 3.0)
        await asyncio.sleep(0.3)
        process.kill()
        result = await asyncio.wait_for(playing, 20)
        assert not result.episodes
        assert result.faults == {"infra": 3}
        await rollout.close()
        with pytest.raises(Fault, match="cannot reach"):
            await keep.reset(seed=0)
        await keep.close()


# --- the end ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_that_stops_answers_what_is_in_progress(how: signal.Signals) -> None:
    with program(ODD) as (process, url):
        envs: list[Env[Any]] = [envgym.make(f"{url}/odd-v0") for _ in range(2)]
        for env in envs:
            await env.reset(seed=0)
        step = asyncio.create_task(envs[0].step(Action("wait 4.0")))
        await asyncio.sleep(1.0)
        process.send_signal(how)
        assert "wait 4.0" in (await step).observation.text
        for env in envs:
            with pytest.raises(Fault, match=r"lost \(the server is stopping\)") as raised:
                await env.step(Action("more"))
            assert raised.value.kind == "infra"
            await env.close()
        await until(lambda: process.poll() is not None)
        assert process.returncode == 0
        assert process.stderr is not None
        log = process.stderr.read()
        assert "stopping: 2 sessions" in log
        assert "Traceback" not in log


async def test_a_step_that_does_not_end_is_cut_when_the_server_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("envgym.serve.server.STOP_S", 0.2)
    with running(ODD) as server:
        env = envgym.make(f"{server.url}/odd-v0")
        await env.reset(seed=0)
        step = asyncio.create_task(env.step(Action("wait 60")))
        await until(lambda: Odd.waiting == 1)
        server.begin_stop()
        with pytest.raises(Fault, match="lost"):
            await asyncio.wait_for(step, 10)
        await env.close()
    assert Odd.waiting == 0


# --- what operators see -------------------------------------------------------------------------


def test_health_resets_an_environment(server: Running) -> None:
    with urllib.request.urlopen(f"{server.http}/health") as answer:
        assert json.load(answer) == {"ok": True, "sessions": 0, "capacity": 2048}
    with running("tests.envgym.serve.test_wrong:Sick") as sick:
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(f"{sick.http}/health")
        with raised.value as refusal:
            assert refusal.code == 503
            assert "no sandbox today" in json.load(refusal)["error"]
        assert Sick.closed


def test_health_goes_by_what_it_is_told_to() -> None:
    well, sick = "tests.envgym.serve.odd_world:Odd", "tests.envgym.serve.test_wrong:Sick"
    told = {}
    for proving in (well, sick):
        with running(well, sick, health=[proving]) as server:
            try:
                urllib.request.urlopen(f"{server.http}/health").close()
            except urllib.error.HTTPError as refusal:
                refusal.close()
                told[proving] = refusal.code
            else:
                told[proving] = 200
    assert told == {well: 200, sick: 503}
    with pytest.raises(UsageError, match="health asks for search/wiki-v1"):
        EnvServer([well], health=["search/wiki-v1"])


class Sick(Odd):
    closed = 0

    async def start(self, task: Any) -> Any:
        raise Fault("no sandbox today")

    async def stop(self) -> None:
        type(self).closed += 1
        await super().stop()


async def test_metrics_and_log_lines(server: Running, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "envgym.serve")
    async with envgym.make(f"{server.url}/odd-v0") as env:
        before = _metrics(server)
        await env.reset(seed=0)
        await env.step(Action("x"))
        with pytest.raises(Fault):
            await env.step(Action("raise infra"))
        assert "Traceback" not in caplog.text
        await env.reset(seed=0)
        with pytest.raises(Fault):
            await env.step(Action("raise other"))
        assert "raise ERRORS[what]" in caplog.text
    after = _metrics(server)
    for name, more in (
        ("envgym_episodes_total", 2),
        ("envgym_step_seconds_count", 1),
        ("envgym_sessions_opened_total", 1),
        ('envgym_errors_total{kind="infra"}', 1),
    ):
        assert _value(after, name) == _value(before, name) + more
    for said in ("odd-v0 ", "opened", "step: the sandbox is gone", "closed after"):
        assert said in caplog.text


def _metrics(server: Running) -> str:
    with urllib.request.urlopen(f"{server.http}/metrics") as answer:
        return str(answer.read().decode())


def _gauge(url: str, name: str) -> float:
    with urllib.request.urlopen("http" + url.removeprefix("ws") + "/metrics") as answer:
        return _value(answer.read().decode(), name)


def _value(text: str, name: str) -> float:
    found = [line.split()[-1] for line in text.splitlines() if line.startswith(name + " ")]
    return float(found[0]) if found else 0.0
