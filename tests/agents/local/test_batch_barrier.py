"""The engine waits for callers that joined: batches then follow from the requests alone."""

from __future__ import annotations

import asyncio
import random

from transformers import PreTrainedModel

from envgym.agents.local import Engine, SamplingParams
from envgym.agents.local.batch_barrier import BatchBarrier
from tests.agents.local.models import build


def test_everybody_present_is_complete() -> None:
    steps = BatchBarrier(patience_s=1.0, callers=3)
    assert not steps.complete(2)
    assert steps.complete(3)
    assert BatchBarrier(1.0).complete(5)  # nobody joined: nobody is waited for


def test_a_late_caller_is_not_waited_for_until_it_is_back() -> None:
    steps = BatchBarrier(patience_s=1.0, callers=3)
    steps.miss(2)
    assert steps.complete(2)
    assert not steps.complete(1)  # another one went away: that one is waited for
    assert steps.complete(3)
    assert not steps.complete(2)


def test_patience_is_lost_by_halves_and_back_at_once() -> None:
    steps = BatchBarrier(patience_s=1.0, callers=2)
    steps.miss(1)
    steps.miss(1)
    assert steps.wait_s == 0.25
    assert steps.complete(2)
    assert steps.wait_s == 1.0


async def _decode_steps(model: PreTrainedModel, delays: random.Random) -> tuple[list, int, int]:
    """Three callers, four generations each, with pauses in between; what came out, and how."""
    engine = Engine(model, max_rows=4, patience_s=5.0)
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
    return made, stats.decode_steps, stats.missed


async def test_timing_changes_neither_batches_nor_a_single_bit() -> None:
    model = build("qwen3")
    runs = [await _decode_steps(model, random.Random(seed)) for seed in range(4)]
    assert all(run == runs[0] for run in runs)
    assert runs[0][2] == 0


async def test_a_caller_that_stays_away_does_not_stop_the_others() -> None:
    engine = Engine(build("qwen3"), patience_s=0.01)
    engine.join(2)
    params = SamplingParams(max_tokens=4, seed=1)
    for turn in range(3):
        assert len((await engine.generate("here", [5, 6, turn], params)).ids) == 4
    assert engine.stats.missed == 1  # once late, it is not waited for again
    await engine.close()
