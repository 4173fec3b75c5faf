"""How a generation ends: stops, lengths, cancellation, errors, closing; none disturbs others."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import torch
from transformers import MambaConfig, MambaForCausalLM

from envgym.agents.local import Engine, SamplingParams
from envgym.errors import UsageError
from tests.agents.local import models
from tests.agents.local.conftest import MakeEngine

GREEDY = SamplingParams(max_tokens=8, temperature=0.0)
LONG = SamplingParams(max_tokens=400, seed=0)


async def stepping(engine: Engine) -> None:
    """Wait until rows are being decoded."""
    while engine.stats.decode_steps < 2:  # noqa: ASYNC110 (a counter of another thread)
        await asyncio.sleep(0.001)


async def test_stop_id_is_part_of_the_output(make_engine: MakeEngine) -> None:
    model = models.build("qwen3")
    ids = models.prompt(10)
    expected = models.generated(model, ids, 8)
    stop = expected[3]
    params = SamplingParams(max_tokens=8, temperature=0.0, stop_ids=(stop,))
    out = await make_engine(model).generate("s", ids, params)
    assert out.ids == expected[: expected.index(stop) + 1]
    assert out.finish == "stop"
    assert len(out.logprobs) == len(out.ids)


async def test_the_models_own_end_stops(make_engine: MakeEngine) -> None:
    model = models.build("qwen3")
    ids = models.prompt(10)
    expected = models.generated(model, ids, 8)
    model.generation_config.eos_token_id = expected[2]
    out = await make_engine(model).generate("s", ids, GREEDY)
    assert (out.ids, out.finish) == (models.generated(model, ids, 8), "stop")
    out = await make_engine(model, eos_ids=()).generate("s", ids, GREEDY)
    assert (out.ids, out.finish) == (expected, "length")


async def test_stop_text_sees_every_prefix(make_engine: MakeEngine) -> None:
    seen: list[list[int]] = []

    def stop(ids: list[int]) -> bool:
        seen.append(list(ids))
        return len(ids) == 5

    out = await make_engine(models.build("qwen3")).generate(
        "s", models.prompt(4), GREEDY, stop_text=stop
    )
    assert (len(out.ids), out.finish) == (5, "stop")
    assert seen == [out.ids[:n] for n in range(1, 6)]


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_context_runs_out(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model, max_context=32)
    ids = models.prompt(26)
    out = await engine.generate("s", ids, GREEDY)
    assert (out.ids, out.finish) == (models.generated(model, ids, 6), "context")
    out = await engine.generate("s", ids + out.ids, GREEDY)
    assert (out.ids, out.finish) == ([], "context")


async def test_cancelled_rows_leave_the_batch(make_engine: MakeEngine) -> None:
    model = models.build("qwen3")
    engine = make_engine(model, max_rows=1)
    task = asyncio.ensure_future(engine.generate("a", models.prompt(5), LONG))
    queued = asyncio.ensure_future(engine.generate("b", models.prompt(6), LONG))
    await stepping(engine)
    task.cancel()
    queued.cancel()
    ids = models.prompt(9)
    # The only slot is free again at once, also for the very session that was cancelled.
    out = await asyncio.wait_for(engine.generate("a", ids, GREEDY), 5)
    assert out.ids == models.generated(model, ids, 8)
    assert task.cancelled()
    assert queued.cancelled()
    assert engine.stats.decoded_tokens < 300


async def test_release_while_generating(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"))
    ids = models.prompt(20)
    task = asyncio.ensure_future(engine.generate("a", ids, GREEDY))
    await asyncio.sleep(0)
    await engine.release("a")
    assert len((await task).ids) == 8
    await engine.generate("a", ids, GREEDY)
    assert engine.stats.reused_tokens == 0


async def test_an_error_in_one_request_leaves_the_others(make_engine: MakeEngine) -> None:
    model = models.build("qwen3")
    engine = make_engine(model)

    def broken(ids: list[int]) -> bool:
        raise ZeroDivisionError("stop_text is broken")

    ids = models.prompt(12)
    good, bad, outside, empty = await asyncio.gather(
        engine.generate("good", ids, GREEDY),
        engine.generate("bad", ids, GREEDY, stop_text=broken),
        engine.generate("outside", [1, models.VOCAB], GREEDY),
        engine.generate("empty", [], GREEDY),
        return_exceptions=True,
    )
    assert good.ids == models.generated(model, ids, 8)
    assert isinstance(bad, ZeroDivisionError)
    assert isinstance(outside, UsageError)
    assert isinstance(empty, UsageError)
    assert (await engine.generate("bad", ids, GREEDY)).ids == good.ids


async def test_a_request_that_cannot_start_leaves_its_neighbours(make_engine: MakeEngine) -> None:
    model = models.build("qwen3")
    engine = make_engine(model)
    ids = models.prompt(12)
    unhashable: Any = ([1],)
    wrong = SamplingParams(max_tokens=8, stop_ids=unhashable)
    before, bad, after = await asyncio.wait_for(
        asyncio.gather(
            engine.generate("before", ids, GREEDY),
            engine.generate("bad", ids, wrong),
            engine.generate("after", ids, GREEDY),
            return_exceptions=True,
        ),
        10,
    )
    assert isinstance(bad, TypeError)
    assert before.ids == after.ids == models.generated(model, ids, 8)
    assert (await engine.generate("bad", ids, GREEDY)).ids == before.ids


async def test_a_session_generates_once_at_a_time(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"))
    first, second = await asyncio.gather(
        engine.generate("s", models.prompt(5), GREEDY),
        engine.generate("s", models.prompt(6), GREEDY),
        return_exceptions=True,
    )
    assert len(first.ids) == 8
    assert isinstance(second, UsageError)


async def test_a_failing_forward_reaches_its_callers_and_passes(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models.build("qwen3")
    engine = make_engine(model)
    ids = models.prompt(12)
    runner = engine._worker._runner
    for part in ("prefill", "decode"):
        with monkeypatch.context() as patch:
            patch.setattr(runner, part, lambda *_: (_ for _ in ()).throw(MemoryError("full")))
            outs = await asyncio.gather(
                *(engine.generate(str(i), ids, GREEDY) for i in range(3)), return_exceptions=True
            )
        assert [type(out) for out in outs] == [MemoryError] * 3
        assert (await engine.generate("0", ids, GREEDY)).ids == models.generated(model, ids, 8)


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_diverged_weights_say_so_and_leave_no_trace(
    name: str, make_engine: MakeEngine
) -> None:
    model = models.build(name)
    engine = make_engine(model)
    ids = models.prompt(30)
    weight = next(model.parameters())
    kept = weight.detach().clone()
    weight.data.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="diverged"):
        await engine.generate("s", ids, GREEDY)
    weight.data.copy_(kept)
    engine.update_weights()
    short = ids[:3]  # the columns behind it held NaN
    others = [engine.generate(str(i), ids, GREEDY) for i in range(2)]
    out, *_ = await asyncio.gather(engine.generate("s", short, GREEDY), *others)
    assert out.ids == models.generated(model, short, 8)


async def test_close_fails_what_runs_and_closes_twice() -> None:
    engine = Engine(models.build("qwen3"))
    running = asyncio.ensure_future(engine.generate("s", models.prompt(5), LONG))
    await stepping(engine)
    await engine.close()
    await engine.close()
    with pytest.raises(UsageError, match="closed"):
        await running
    with pytest.raises(UsageError, match="closed"):
        await engine.generate("s", models.prompt(5), GREEDY)
    assert "envgym-engine" not in {thread.name for thread in threading.enumerate()}
    await Engine(models.build("qwen3")).close()


async def test_an_adapter_sends_the_model_down_the_generic_path(make_engine: MakeEngine) -> None:
    class Scaled(torch.nn.Linear):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(states)

    model = models.build("qwen3")
    model.model.layers[1].mlp.up_proj.__class__ = Scaled
    engine = make_engine(model)
    assert engine.runner_name == "hf"
    ids = models.prompt(10)
    assert (await engine.generate("s", ids, GREEDY)).ids == models.generated(model, ids, 8)


def test_a_recurrent_model_is_refused() -> None:
    config = MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(UsageError, match="openai agent"):
        Engine(MambaForCausalLM(config))
