"""Slots and groups: a common prompt is computed once, and slots that run out are shared."""

from __future__ import annotations

import asyncio

import pytest

from envgym.agents.local import SamplingParams
from tests.agents.local import models
from tests.agents.local.conftest import MakeEngine

GREEDY = SamplingParams(max_tokens=6, temperature=0.0)


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_a_group_arriving_together_prefills_once(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model)
    ids = models.prompt(50)
    outs = await asyncio.gather(
        *(engine.generate(f"s{i}", ids, GREEDY, group="g") for i in range(16))
    )
    expected = models.generated(model, ids, 6)
    assert all(out.ids == expected for out in outs)
    assert engine.stats.prefilled_tokens == 50 + 15  # every row feeds the last id itself
    assert engine.stats.shared_tokens == engine.stats.reused_tokens == 15 * 49


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_a_group_member_arriving_later_copies(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model)
    ids = models.prompt(50)
    await engine.generate("a", ids, GREEDY, group="g")
    other = ids[:40] + models.prompt(9, seed=4)
    out = await engine.generate("b", other, GREEDY, group="g")
    assert out.ids == models.generated(model, other, 6)
    assert engine.stats.shared_tokens == 40


async def test_a_partly_common_prompt_is_shared(make_engine: MakeEngine) -> None:
    model = models.build("qwen3")
    engine = make_engine(model)
    common = models.prompt(40)
    contexts = [common + models.prompt(5 + i, seed=i + 1) for i in range(6)]
    outs = await asyncio.gather(
        *(engine.generate(str(i), c, GREEDY, group="g") for i, c in enumerate(contexts))
    )
    for context, out in zip(contexts, outs, strict=True):
        assert out.ids == models.generated(model, context, 6)
    assert engine.stats.shared_tokens >= 5 * 40


async def test_groups_do_not_mix(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"))
    ids = models.prompt(50)
    await asyncio.gather(
        *(engine.generate(f"{g}{i}", ids, GREEDY, group=g) for g in "ab" for i in range(3)),
        engine.generate("alone", ids, GREEDY),
    )
    assert engine.stats.shared_tokens == 2 * 2 * 49


async def test_more_sessions_than_slots(make_engine: MakeEngine) -> None:
    model = models.build("qwen3")
    engine = make_engine(model, max_rows=3)
    contexts = [models.prompt(20 + i, seed=i) for i in range(10)]
    for _ in range(2):
        outs = await asyncio.gather(
            *(engine.generate(str(i), c, GREEDY) for i, c in enumerate(contexts))
        )
        for i, out in enumerate(outs):
            assert out.ids == models.generated(model, contexts[i], 6)
            contexts[i] = contexts[i] + out.ids + models.prompt(2, seed=i)
    assert engine.stats.evictions >= 7


async def test_the_session_idle_longest_is_evicted(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"), max_rows=2)
    ids = models.prompt(30)
    for name in ("a", "b", "a", "c"):  # c takes b's slot
        await engine.generate(name, ids, GREEDY)
    reused = engine.stats.reused_tokens
    await engine.generate("a", ids, GREEDY)
    assert engine.stats.reused_tokens == reused + 29
    await engine.generate("b", ids, GREEDY)
    assert engine.stats.reused_tokens == reused + 29


async def test_release_forgets(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"), max_rows=1)
    ids = models.prompt(30)
    await engine.generate("a", ids, GREEDY)
    await engine.release("a")
    await engine.release("nobody")
    await engine.generate("a", ids, GREEDY)
    assert engine.stats.reused_tokens == engine.stats.evictions == 0
