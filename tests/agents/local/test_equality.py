"""The engine computes what the model computes: greedy ids, log-probs, any batch, any turn."""

from __future__ import annotations

import asyncio
import concurrent.futures
import random

import pytest
import torch
from transformers import PreTrainedModel

from envgym.agents.local import Engine, Generation, SamplingParams
from envgym.agents.local.kv.cache import SlotCache
from tests.agents.local import models
from tests.agents.local.conftest import MakeEngine

GREEDY = SamplingParams(max_tokens=12, temperature=0.0)


@pytest.mark.parametrize("name", models.EVERY)
async def test_greedy_equals_generate(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model)
    assert engine.runner_name == ("llama" if name in models.LEAN else "hf")
    prompts = [models.prompt(n, seed=n) for n in (1, 2, 7, 7, 30, 90)]
    outs = await asyncio.gather(
        *(engine.generate(str(i), p, GREEDY) for i, p in enumerate(prompts))
    )
    for ids, out in zip(prompts, outs, strict=True):
        assert out.ids == models.generated(model, ids, 12)
        assert out.finish == "length"


@pytest.mark.parametrize("name", models.EVERY)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
async def test_logprobs_equal_a_full_forward(
    name: str, temperature: float, make_engine: MakeEngine
) -> None:
    model = models.build(name)
    engine = make_engine(model)
    params = SamplingParams(max_tokens=20, temperature=temperature, seed=3)
    prompts = [models.prompt(n, seed=n) for n in (3, 17, 40)]
    outs = await asyncio.gather(
        *(engine.generate(str(i), p, params) for i, p in enumerate(prompts))
    )
    for ids, out in zip(prompts, outs, strict=True):
        expected = models.logprobs(model, ids, out.ids, temperature)
        torch.testing.assert_close(torch.tensor(out.logprobs), expected, atol=1e-4, rtol=0)


async def test_greedy_reports_logprobs_at_temperature_one(make_engine: MakeEngine) -> None:
    model = models.build("qwen3")
    ids = models.prompt(9)
    out = await make_engine(model).generate("s", ids, GREEDY)
    expected = models.logprobs(model, ids, out.ids)
    torch.testing.assert_close(torch.tensor(out.logprobs), expected, atol=1e-4, rtol=0)


async def conversation(engine: Engine, name: str, turns: int) -> list[tuple[list[int], Generation]]:
    """Turns of random lengths; every turn's context extends the last one's."""
    dice = random.Random(name)
    ids = models.prompt(dice.randint(1, 60), seed=dice.randint(0, 9999))
    done = []
    for turn in range(turns):
        params = SamplingParams(max_tokens=dice.randint(1, 15), seed=turn)
        out = await engine.generate(name, ids, params)
        done.append((ids, out))
        ids = ids + out.ids + models.prompt(dice.randint(0, 12), seed=dice.randint(0, 9999))
    return done


@pytest.mark.parametrize("name", ["qwen3", "llama", "gpt2", "mistral-sliding"])
async def test_many_sessions_equal_one_at_a_time(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    together = make_engine(model)
    names = [f"s{i}" for i in range(40)]
    conversations = await asyncio.gather(*(conversation(together, n, 3) for n in names))
    alone = make_engine(model, max_rows=1)
    for session, turns in zip(names, conversations, strict=True):
        for (ids, out), (ids_alone, out_alone) in zip(
            turns, await conversation(alone, session, 3), strict=True
        ):
            assert ids == ids_alone
            assert out.ids == out_alone.ids
            expected = models.logprobs(model, ids, out.ids)
            torch.testing.assert_close(torch.tensor(out.logprobs), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_later_turns_compute_only_what_is_new(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model)
    first = models.prompt(50)
    out = await engine.generate("s", first, GREEDY)
    second = first + out.ids + models.prompt(5, seed=1)
    out = await engine.generate("s", second, GREEDY)
    assert out.ids == models.generated(model, second, 12)
    # The last sample of a turn was never fed, so its keys are computed with the observation.
    assert engine.stats.prefilled_tokens == 50 + 1 + 5
    assert engine.stats.reused_tokens == 50 + 11


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_rewritten_history(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model)
    first = models.prompt(40)
    await engine.generate("s", first, GREEDY)
    for rewritten in (
        first[:25] + models.prompt(30, seed=5),  # another continuation
        first[:10],  # a cut
        models.prompt(33, seed=8),  # nothing in common
        models.prompt(33, seed=8),  # the very same again
    ):
        out = await engine.generate("s", rewritten, GREEDY)
        assert out.ids == models.generated(model, rewritten, 12)


async def test_long_prompts_are_prefilled_in_pieces(make_engine: MakeEngine) -> None:
    model: PreTrainedModel = models.build("qwen3")
    model.config.max_position_embeddings = 6000
    engine = make_engine(model, max_context=6000)
    ids = models.prompt(5000)
    short = models.prompt(20)
    out, other = await asyncio.gather(
        engine.generate("long", ids, GREEDY), engine.generate("short", short, GREEDY)
    )
    assert other.ids == models.generated(model, short, 12)
    expected = models.logprobs(model, ids, out.ids)
    torch.testing.assert_close(torch.tensor(out.logprobs), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_weights_changed_in_place(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model)
    ids = models.prompt(30)
    old = await engine.generate("s", ids, GREEDY)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    engine.update_weights()
    new = await engine.generate("s", ids, GREEDY)
    assert (old.versions, new.versions) == ([0] * 12, [1] * 12)
    assert new.ids == models.generated(model, ids, 12) != old.ids
    assert engine.stats.reused_tokens == 0


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_weights_changed_while_generating(name: str, make_engine: MakeEngine) -> None:
    """The running row goes on from keys computed anew; its next turn reuses only those."""
    model = models.build(name)
    engine = make_engine(model)
    ids = models.prompt(30)

    def change(sampled: list[int]) -> bool:
        if len(sampled) == 4:  # between two steps, in the worker's own thread
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter += 0.3 * torch.randn_like(parameter)
            engine.update_weights()
        return False

    out = await engine.generate("s", ids, GREEDY, stop_text=change)
    assert out.versions == [0] * 4 + [1] * 8
    assert out.ids[4:] == models.generated(model, ids + out.ids[:4], 8)
    longer = ids + out.ids + models.prompt(3, seed=2)
    assert (await engine.generate("s", longer, GREEDY)).ids == models.generated(model, longer, 12)


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_freed_memory_is_computed_again(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model)
    await engine.free_memory()  # there is none yet
    ids = models.prompt(30)
    out = await engine.generate("s", ids, GREEDY)
    cache: SlotCache = engine._worker._runner._cache
    await engine.free_memory()
    assert sum(t.numel() for t in (*cache.keys, *cache.values)) == 0
    longer = ids + out.ids + models.prompt(5, seed=1)
    assert (await engine.generate("s", longer, GREEDY)).ids == models.generated(model, longer, 12)
    assert engine.stats.reused_tokens == 0


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_memory_freed_while_generating(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model)
    ids = models.prompt(30)
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(sampled: list[int]) -> bool:
        if len(sampled) == 4:
            loop.call_soon_threadsafe(reached.set)
            freed.result(timeout=60)  # the command is in the queue before the next step
        return False

    freed: concurrent.futures.Future[None] = concurrent.futures.Future()
    running = asyncio.create_task(engine.generate("s", ids, GREEDY, stop_text=tell))
    await reached.wait()
    freeing = asyncio.create_task(engine.free_memory())
    await asyncio.sleep(0)
    freed.set_result(None)
    await freeing
    assert (await running).ids == models.generated(model, ids, 12)


async def test_generic_path_ignores_dropout_and_keeps_training_flags(
    make_engine: MakeEngine,
) -> None:
    model = models.build("gpt2").train()
    model.transformer.h[0].eval()
    engine = make_engine(model)
    ids = models.prompt(12)
    out = await engine.generate("s", ids, GREEDY)
    assert model.training
    assert not model.transformer.h[0].training
    assert out.ids == models.generated(model.eval(), ids, 12)
