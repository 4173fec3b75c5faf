"""Pauses of the engine, and work between its steps."""

from __future__ import annotations

import asyncio
import threading

import pytest

from envgym.agents.local import SamplingParams
from envgym.errors import UsageError
from tests.agents.local import models
from tests.agents.local.conftest import MakeEngine
from tests.waiting import until

LONG = SamplingParams(max_tokens=200, seed=1)


async def test_a_pause_changes_no_token(make_engine: MakeEngine) -> None:
    model, ids = models.build("qwen3"), models.prompt(10)
    expected = await make_engine(model).generate("s", ids, LONG)
    engine = make_engine(model)
    task = asyncio.create_task(engine.generate("s", ids, LONG))
    await until(lambda: engine.stats.decode_steps >= 5)
    await engine.pause()
    steps = engine.stats.decode_steps
    late = asyncio.create_task(engine.generate("t", ids, LONG))
    await asyncio.sleep(0.05)
    assert engine.stats.decode_steps == steps
    assert not task.done()
    await engine.resume()
    assert (await task).ids == expected.ids
    assert len((await late).ids) == 200


async def test_work_between_steps(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"))
    thread = await engine.between_steps(threading.current_thread)
    assert thread.name == "envgym-engine"
    with pytest.raises(ZeroDivisionError):
        await engine.between_steps(lambda: 1 // 0)
    assert len((await engine.generate("s", models.prompt(10), LONG)).ids) == 200


async def test_work_that_nobody_waits_for_harms_no_generation(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"))
    generating = asyncio.create_task(engine.generate("s", models.prompt(10), LONG))
    await until(lambda: engine.stats.decode_steps >= 5)
    entered, leave = threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        leave.wait(20)

    one = asyncio.create_task(engine.between_steps(slow))
    await until(entered.is_set)
    two = asyncio.create_task(engine.between_steps(lambda: None))
    await asyncio.sleep(0.01)
    for task in (one, two):
        task.cancel()
    await asyncio.gather(one, two, return_exceptions=True)
    leave.set()
    assert len((await generating).ids) == 200


async def test_a_closed_engine_takes_no_work(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"))
    await engine.pause()
    await engine.close()
    with pytest.raises(UsageError, match="closed"):
        await engine.resume()
