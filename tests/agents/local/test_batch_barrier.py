"""Waiting for callers that joined: briefly, or until batches follow from the requests alone."""

from __future__ import annotations

import asyncio
import logging
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedModel

from envgym.agents.local import Engine, SamplingParams, batch_barrier
from envgym.agents.local.batch_barrier import BatchBarrier
from tests.agents.local.conftest import MakeEngine
from tests.agents.local.models import build


def test_everybody_present_is_complete() -> None:
    steps = BatchBarrier(patience_s=1.0, callers=3)
    assert not steps.complete(2)
    assert steps.complete(3)
    assert BatchBarrier(1.0).complete(5)  # nobody joined: nobody is waited for


def test_a_late_caller_is_not_waited_for_until_it_is_back() -> None:
    steps = BatchBarrier(patience_s=1.0, callers=3)
    steps.miss(2, 1.0)
    assert steps.complete(2)
    assert not steps.complete(1)  # another one went away: that one is waited for
    assert steps.complete(3)
    assert not steps.complete(2)


def test_waiting_in_vain_is_made_up_for_by_computing() -> None:
    steps = BatchBarrier(patience_s=0.01, callers=2)
    steps.miss(1, 0.01)
    assert steps.wait_s == 0
    steps.computed(0.1)
    assert steps.wait_s == 0
    steps.computed(0.2)
    assert steps.wait_s == 0.01


@given(st.lists(st.floats(0, 0.5), max_size=60), st.floats(0, 0.1))
def test_waiting_in_vain_is_a_small_share_however_slow_tools_are(
    computed: list[float], patience_s: float
) -> None:
    barrier, waited = BatchBarrier(patience_s, callers=2), 0.0
    for seconds in computed:
        waited += barrier.wait_s
        barrier.miss(1, barrier.wait_s)
        barrier.computed(seconds)
    assert waited <= patience_s + 0.05 * sum(computed) + 1e-9


def test_a_deterministic_barrier_waits_whatever_it_has_lost() -> None:
    steps = BatchBarrier(patience_s=0.0, deterministic=True, callers=2)
    assert steps.wait_s > 1
    assert not steps.complete(1)


async def _decode_steps(model: PreTrainedModel, delays: random.Random) -> tuple[list, int, int]:
    """Three callers, four generations each, with pauses in between; what came out, and how."""
    engine = Engine(model, max_rows=4, deterministic=True, patience_s=0.0)
    engine.join(3)

    async def caller(number: int) -> list:
        made = []
        for turn in range(4):
            await asyncio.sleep(delays.uniform(0, 0.02))
            params = SamplingParams(max_tokens=3 + number + turn, seed=100 * number + turn)
            result = await engine.generate(f"s{number}", [5, 6, 7 + number], params)
            made.append((result.ids, result.logprobs))
        engine.leave()
        return made

    made = await asyncio.gather(*map(caller, range(3)))
    stats = engine.stats
    await engine.close()
    assert stats.waited_s > 0
    return made, stats.decode_steps, stats.missed


async def test_timing_changes_neither_batches_nor_a_single_bit() -> None:
    model = build("qwen3")
    runs = [await _decode_steps(model, random.Random(seed)) for seed in range(4)]
    assert all(run == runs[0] for run in runs)
    assert runs[0][2] == 0


async def test_a_caller_that_stays_away_does_not_stop_the_others(make_engine: MakeEngine) -> None:
    engine = make_engine(build("qwen3"), patience_s=0.01)
    engine.join(2)
    params = SamplingParams(max_tokens=4, seed=1)
    for turn in range(3):
        assert len((await engine.generate("here", [5, 6, turn], params)).ids) == 4
    assert engine.stats.missed == 1  # once late, it is not waited for again
    assert engine.stats.waited_s >= 0.01


async def test_callers_that_wait_for_each_other_are_reported(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(batch_barrier, "_REPORT_S", 0.01)
    reported = threading.Event()
    caplog.handler.addFilter(lambda record: reported.set() is None)
    engine = make_engine(build("qwen3"), deterministic=True)
    engine.join(2)
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(engine.generate("here", [5, 6], SamplingParams(max_tokens=4)))
        await asyncio.wait_for(asyncio.to_thread(reported.wait), 60)
    assert "for 1 of 2 callers" in caplog.text
    assert "rollout.deterministic" in caplog.text
    assert not running.done()
    engine.leave()
    assert len((await running).ids) == 4
