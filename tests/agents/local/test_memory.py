"""Memory of keys and values: it follows the rows, and moving them changes nothing they compute."""

from __future__ import annotations

import asyncio

import pytest
import torch

from envgym.agents.local import Engine, Generation, SamplingParams
from envgym.agents.local.kv.cache import LayerShape, SlotCache
from tests.agents.local import models
from tests.agents.local.conftest import MakeEngine

LENGTHS = (20, 100, 120, 126, 127, 128, 129, 200, 250, 300)


def cache(engine: Engine) -> SlotCache:
    held: SlotCache = engine._worker._runner._cache
    return held


def column_bytes(engine: Engine) -> int:
    """Bytes of one column in all layers."""
    shapes = cache(engine).shapes
    return sum(4 * s.heads * (s.key_dim + s.value_dim) for s in shapes)


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_rows_that_outgrow_their_blocks(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model)
    prompts = [models.prompt(n, seed=n) for n in LENGTHS]
    params = SamplingParams(max_tokens=40, seed=1)
    outs = await asyncio.gather(
        *(engine.generate(str(i), p, params) for i, p in enumerate(prompts))
    )
    for ids, out in zip(prompts, outs, strict=True):
        expected = models.logprobs(model, ids, out.ids)
        torch.testing.assert_close(torch.tensor(out.logprobs), expected, atol=1e-4, rtol=0)
    greedy = SamplingParams(max_tokens=20, temperature=0.0)
    longer = [ids + out.ids + models.prompt(9) for ids, out in zip(prompts, outs, strict=True)]
    again = await asyncio.gather(
        *(engine.generate(str(i), ids, greedy) for i, ids in enumerate(longer))
    )
    for ids, out in zip(longer, again, strict=True):
        assert out.ids == models.generated(model, ids, 20)
    assert engine.stats.reused_tokens == sum(len(ids) + 39 for ids in prompts)


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_a_shared_prefix_reaches_every_block(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model, max_rows=6)
    common = models.prompt(110)
    contexts = [common + models.prompt(n, seed=n + 1) for n in (1, 12, 17, 18, 19, 40, 150, 200)]
    params = SamplingParams(max_tokens=16, temperature=0.0)
    outs = await asyncio.gather(
        *(engine.generate(str(i), ids, params, group="g") for i, ids in enumerate(contexts))
    )
    for ids, out in zip(contexts, outs, strict=True):
        assert out.ids == models.generated(model, ids, 16)
    assert engine.stats.shared_tokens >= 7 * 110
    assert engine.stats.evictions == 2


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_weights_changed_after_a_move(name: str, make_engine: MakeEngine) -> None:
    model = models.build(name)
    engine = make_engine(model)
    ids = models.prompt(120)

    def change(sampled: list[int]) -> bool:
        if len(sampled) == 12:  # the row has left its first block
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter += 0.3 * torch.randn_like(parameter)
            engine.update_weights()
        return False

    params = SamplingParams(max_tokens=20, temperature=0.0)
    out, other = await asyncio.gather(
        engine.generate("s", ids, params, stop_text=change),
        engine.generate("other", models.prompt(300), params),
    )
    assert out.ids[12:] == models.generated(model, ids + out.ids[:12], 8)
    assert other.versions == [0] * 12 + [1] * 8


async def test_one_long_row_leaves_the_others_short(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"))
    lengths = [100] * 31 + [480]
    last = SamplingParams(max_tokens=1, seed=0)
    held = []
    for turn in range(2):
        await asyncio.gather(
            *(engine.generate(str(i), models.prompt(n), last) for i, n in enumerate(lengths))
        )
        held.append(cache(engine).nbytes / column_bytes(engine))
        await engine.release("31")
        lengths.pop()
        assert held[turn] <= 2 * sum(max(n, 128) for n in lengths) + 128
    assert held[0] >= 31 * 128 + 512  # a rectangle would have 32 * 512
    assert held[1] < held[0]
    for i in range(31):
        await engine.release(str(i))
    while cache(engine).nbytes:  # noqa: ASYNC110 (memory of another thread)
        await asyncio.sleep(0.001)
    await engine.generate("s", models.prompt(100), last)
    assert cache(engine).nbytes == 128 * column_bytes(engine)


async def test_rows_lose_nothing_where_others_end(make_engine: MakeEngine) -> None:
    """Blocks are laid out anew, smaller, under a row that goes on."""
    model = models.build("qwen3")
    engine = make_engine(model)
    ids = models.prompt(200)
    sizes: list[int] = []

    def watch(sampled: list[int]) -> bool:
        sizes.append(cache(engine).nbytes)
        return False

    async def brief(i: int) -> None:
        await engine.generate(f"brief{i}", models.prompt(250, seed=i), SamplingParams(max_tokens=9))
        await engine.release(f"brief{i}")

    params = SamplingParams(max_tokens=150, temperature=0.0)
    out, *_ = await asyncio.gather(
        engine.generate("s", ids, params, stop_text=watch), *(brief(i) for i in range(12))
    )
    assert out.ids == models.generated(model, ids, 150)
    assert sizes[-1] <= 512 * column_bytes(engine) < sizes[3]


async def test_a_deterministic_engine_repeats_its_blocks(make_engine: MakeEngine) -> None:
    """The same requests in another order of arrival: the same blocks, the same bits."""
    model = models.build("qwen3")

    async def episode(engine: Engine, i: int, late: bool) -> list[Generation]:
        ids, outs = models.prompt(60 + 30 * i, seed=i), []
        for turn in range(3):
            if late:
                await asyncio.sleep(0.002 * (i % 3))
            params = SamplingParams(max_tokens=10 + 9 * i, seed=turn)
            outs.append(await engine.generate(str(i), ids, params))
            ids = ids + outs[-1].ids + models.prompt(7, seed=turn)
        await engine.release(str(i))
        engine.leave()
        return outs

    played = []
    for late in (False, True):
        engine = make_engine(model, deterministic=True)
        engine.join(6)
        blocks: list[object] = []
        held = cache(engine)
        reserve = held.reserve

        def record(columns: dict[int, int], reserve=reserve, held=held, blocks=blocks) -> None:
            reserve(columns)
            blocks.append(dict(held._table.blocks))

        held.reserve = record
        order = range(6) if not late else reversed(range(6))
        tasks = {i: asyncio.ensure_future(episode(engine, i, late)) for i in order}
        outs = [[(o.ids, o.logprobs) for o in await tasks[i]] for i in range(6)]
        played.append((outs, blocks))
    assert played[0] == played[1]


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
async def test_memory_that_runs_out_fails_its_rows_and_passes(
    name: str, make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models.build(name)
    engine = make_engine(model)
    ids = models.prompt(120)
    params = SamplingParams(max_tokens=20, temperature=0.0)
    await engine.generate("idle", ids, params)
    original = torch.Tensor.new_zeros
    calls = 0

    def full(tensor: torch.Tensor, *size: int) -> torch.Tensor:
        nonlocal calls
        calls += size[0] > 0
        if calls == 3:  # the second layer's
            raise MemoryError("full")
        return original(tensor, *size)

    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "new_zeros", full)
        outs = await asyncio.gather(
            *(engine.generate(str(i), ids, params) for i in range(3)), return_exceptions=True
        )
    assert [type(out) for out in outs] == [MemoryError] * 3
    longer = ids + models.prompt(3, seed=4)
    for session in ("idle", "0"):
        out = await engine.generate(session, longer, params)
        assert out.ids == models.generated(model, longer, 20)


async def test_values_that_diverged_do_not_outlive_their_row(make_engine: MakeEngine) -> None:
    """A row moves, then fails; the block it left behind is another's next."""
    model = models.build("qwen3")
    engine = make_engine(model)
    weight = next(model.parameters())
    kept = weight.detach().clone()
    prompts = [models.prompt(n, seed=n) for n in (128, 100, 100, 100, 300)]
    params = SamplingParams(max_tokens=8, temperature=0.0)
    await asyncio.gather(*(engine.generate(str(i), p, params) for i, p in enumerate(prompts[1:])))
    weight.data.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="diverged"):
        await engine.generate("s", prompts[0], params)
    weight.data.copy_(kept)
    short = models.prompt(5)
    outs = await asyncio.gather(*(engine.generate(f"n{i}", short, params) for i in range(8)))
    assert [out.ids for out in outs] == [models.generated(model, short, 8)] * 8


def test_a_new_block_is_zeros() -> None:
    held = SlotCache([LayerShape(2, 4, 3)], dtype=torch.float32, device=torch.device("cpu"))
    held.reserve(dict.fromkeys(range(9), 128))
    for tensor in (*held.keys, *held.values):
        tensor.fill_(float("nan"))
    held.drop(4)
    held.reserve(dict.fromkeys(range(9), 128))
    index = held.index(2, [4], torch.arange(128)[None])
    for tensor in held.read(0, index):
        assert tensor.shape[:3] == (1, 2, 128)
        assert not tensor.any()
    assert held.read(0, held.index(2, [3], torch.arange(128)[None]))[0].isnan().all()
