"""Each request is carried out once: retried after its end, meanwhile, by several, or too late."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envgym.errors import Fault, UsageError
from envgym.sandboxes.pool.pool import PoolFull
from envgym.sandboxes.service.config import ServiceConfig
from envgym.sandboxes.service.idempotency import Idempotency
from envgym.sandboxes.service.protocol import Busy, Cancelled
from envgym.sandboxes.supervisor.streams.frames import Frame
from tests.sandboxes.service.client import Client, alive, pids, sleeper, stdout, until

KEY = ("owner", "id")
CONFIG = ServiceConfig(requests=2, keep_count=2, stop_s=0.05)


class Work:
    """Counts how often it is begun, and ends when told."""

    def __init__(self, answer: Frame | None = None, error: Exception | None = None) -> None:
        self.begun = self.cancelled = 0
        self.go = asyncio.Event()
        self._answer, self._error = answer or Frame({}, [b"done"]), error

    async def __call__(self) -> Frame:
        self.begun += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self._error is not None:
            raise self._error
        return self._answer


def ask(
    once: Idempotency, work: Any, key: tuple[str, str] = KEY, **more: Any
) -> asyncio.Task[Frame]:
    options = {"linger_s": 0.05, **more}
    digest = options.pop("digest", b"d")
    return asyncio.create_task(once.run(key, digest, work, **options))


async def test_a_retry_joins_what_runs_and_what_has_run() -> None:
    once, work = Idempotency(CONFIG), Work()
    tasks = [ask(once, work) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0.1)
    assert (work.begun, work.cancelled, once.running) == (1, 0, 1)
    work.go.set()
    assert await tasks[1] == await tasks[2] == ({}, [b"done"])
    assert await ask(once, work) == ({}, [b"done"])
    assert work.begun == 1
    assert await ask(once, work, ("another", "id")) == ({}, [b"done"])
    assert work.begun == 2


async def test_errors_are_answers_too_but_capacity_is_none() -> None:
    once, work = Idempotency(CONFIG), Work(error=UsageError("no"))
    work.go.set()
    for _ in range(2):
        with pytest.raises(UsageError, match="no"):
            await ask(once, work)
    assert work.begun == 1
    full = Work(error=PoolFull("full"))
    full.go.set()
    for _ in range(2):
        with pytest.raises(PoolFull):
            await ask(once, full, ("owner", "other"))
    assert full.begun == 2


async def test_who_vanishes_is_waited_for_and_may_come_back() -> None:
    once, work = Idempotency(CONFIG), Work()
    for _ in range(2):
        task = ask(once, work, linger_s=60.0)
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    task = ask(once, work)
    await asyncio.sleep(0.01)
    assert (work.begun, work.cancelled) == (1, 0)
    task.cancel()
    await until(lambda: work.cancelled == 1)
    with pytest.raises(Cancelled):  # too late
        await ask(once, work)
    assert work.begun == 1


async def test_cancelling_before_during_and_after() -> None:
    once, work = Idempotency(CONFIG), Work(Frame({"box": "b"}, []))
    assert once.cancel(("owner", "early")) is None
    with pytest.raises(Cancelled):
        await ask(once, work, ("owner", "early"))
    assert work.begun == 0
    task = ask(once, work)
    await until(lambda: work.begun == 1)
    assert once.cancel(KEY) is None
    with pytest.raises(Cancelled):
        await task
    assert work.cancelled == 1
    work.go.set()
    await ask(once, work, ("owner", "late"))
    assert once.cancel(("owner", "late")) == ({"box": "b"}, [])


async def test_an_id_belongs_to_one_request() -> None:
    once, work = Idempotency(CONFIG), Work()
    task = ask(once, work)
    await asyncio.sleep(0)
    with pytest.raises(UsageError, match="give each its own"):
        await ask(once, work, digest=b"another")
    work.go.set()
    await task


async def test_what_is_kept_is_bounded_by_count_bytes_and_time() -> None:
    work = Work()
    work.go.set()
    once = Idempotency(CONFIG)
    for i in range(4):
        await ask(once, work, ("owner", str(i)))
    await ask(once, work, ("owner", "3"))
    assert work.begun == 4
    await ask(once, work, ("owner", "0"))
    assert work.begun == 5
    large = Work(({}, [bytes(1000)]))
    large.go.set()
    once = Idempotency(replace(CONFIG, keep_bytes=500))
    for _ in range(2):
        await ask(once, large)
    assert large.begun == 2
    once = Idempotency(replace(CONFIG, keep_s=0.0))
    for _ in range(2):
        await ask(once, large)
    assert large.begun == 4


async def test_too_many_and_stopping_are_said() -> None:
    once, work = Idempotency(CONFIG), Work()
    tasks = [ask(once, work, ("owner", str(i))) for i in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="send fewer"):
        await ask(once, work)
    closing = asyncio.create_task(once.close())
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="stopping"):
        await ask(once, work)
    await closing
    for task in tasks:
        with pytest.raises(Fault, match="stopping"):
            await task
    assert (work.cancelled, once.running) == (2, 0)


async def test_over_http(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "count"
    code = f"open({str(file)!r}, 'a').write('x'); import time; time.sleep(0.5); print(1)"
    first = asyncio.create_task(client.python(code, id="one"))
    await until(file.exists)
    first.cancel()  # its connection breaks
    answers = await asyncio.gather(client.python(code, id="one"), client.python(code, id="one"))
    answers.append(await client.python(code, id="one"))
    assert [stdout(answer) for _, answer in answers] == [b"1\n"] * 3
    assert file.read_text() == "x"
    status, said = await client.python("print(2)", id="one")
    assert (status, said["error"]) == (400, "usage")
    assert (await client.python(code, id="two"))[0] == 200
    assert file.read_text() == "xx"


async def test_cancelling_over_http(client: Client, tmp_path: Path) -> None:
    request = asyncio.create_task(client.python(sleeper(tmp_path / "pids"), id="long"))
    found = await pids(tmp_path / "pids")
    assert (await client.send("/v1/requests/long", method="DELETE"))[0] == 200
    status, said = await request
    assert (status, said["error"]) == (409, "cancelled")
    await until(lambda: not any(map(alive, found)), 5)
    await client.open(id="opened")
    assert (await client.send("/v1/requests/opened", method="DELETE"))[0] == 200
    await client.until_idle()
