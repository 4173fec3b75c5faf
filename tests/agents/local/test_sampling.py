"""Draws follow the distribution, depend on the seed alone, and end where they should."""

from __future__ import annotations

import asyncio

import pytest
import torch

from envgym.agents.local import SamplingParams
from envgym.agents.local.sampling import BatchSampler
from envgym.errors import UsageError
from tests.agents.local import models
from tests.agents.local.conftest import MakeEngine

CPU = torch.device("cpu")


def draw(logits: torch.Tensor, params: SamplingParams, count: int) -> torch.Tensor:
    """Frequencies of `count` draws from one row of logits."""
    sampler = BatchSampler([params] * count, CPU)
    ids, _ = sampler(logits.expand(count, -1), params.uniforms(count))
    return torch.bincount(torch.tensor(ids), minlength=logits.shape[-1]) / count


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_frequencies_match_softmax(temperature: float) -> None:
    logits = torch.randn(20, generator=torch.Generator().manual_seed(1))
    count = 50_000
    found = draw(logits, SamplingParams(temperature=temperature, seed=5), count)
    expected = torch.softmax(logits / temperature, -1)
    chi_square = count * ((found - expected) ** 2 / expected).sum().item()
    assert chi_square < 43.8  # 19 degrees of freedom, p = 0.001


def test_top_k_keeps_the_k_likeliest() -> None:
    logits = torch.tensor([0.0, 3.0, 1.0, 2.0, -1.0])
    found = draw(logits, SamplingParams(top_k=2, seed=0), 20_000)
    expected = torch.zeros(5)
    expected[[1, 3]] = torch.softmax(torch.tensor([3.0, 2.0]), -1)
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    probs = torch.tensor([0.1, 0.5, 0.05, 0.3, 0.05])
    found = draw(probs.log(), SamplingParams(top_p=0.7, seed=0), 20_000)
    expected = torch.tensor([0.0, 0.625, 0.0, 0.375, 0.0])
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)
    assert draw(probs.log(), SamplingParams(top_p=0.01, seed=0), 100)[1] == 1.0


def test_rows_with_different_parameters_do_not_touch_each_other() -> None:
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(2))
    params = [
        SamplingParams(),
        SamplingParams(temperature=0.0),
        SamplingParams(temperature=0.3, top_k=3),
        SamplingParams(top_p=0.5),
    ]
    uniforms = [0.1, 0.0, 0.9, 0.4]
    ids, logprobs = BatchSampler(params, CPU)(logits, uniforms)
    for i, p in enumerate(params):
        one_id, one_logprob = BatchSampler([p], CPU)(logits[i : i + 1], uniforms[i : i + 1])
        assert (one_id, one_logprob) == ([ids[i]], [logprobs[i]])
        expected = torch.log_softmax(logits[i] / (p.temperature or 1.0), -1)[ids[i]]
        assert logprobs[i] == pytest.approx(expected.item(), abs=1e-6)


def test_the_largest_uniform_never_draws_an_impossible_id() -> None:
    logits = torch.full((1, 1000), float("-inf"))
    logits[0, :7] = 0.0
    ids, logprobs = BatchSampler([SamplingParams()], CPU)(logits, [1.0 - 2.0**-24])
    assert ids == [6]
    assert logprobs[0] > -3


def test_uniforms_of_fewer_tokens_are_a_prefix() -> None:
    params = SamplingParams(seed=11)
    assert params.uniforms(50)[:7] == params.uniforms(7)
    assert SamplingParams().uniforms(3) != SamplingParams().uniforms(3)


async def test_same_seed_same_ids_alone_or_in_a_batch(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"))
    ids = models.prompt(20)
    params = SamplingParams(max_tokens=20, seed=42)
    alone = await engine.generate("alone", ids, params)
    others = [
        engine.generate(f"o{i}", models.prompt(5 + i, seed=i), SamplingParams(max_tokens=5 + i))
        for i in range(20)
    ]
    outs = await asyncio.gather(*others, engine.generate("again", ids, params))
    assert outs[-1].ids == alone.ids


async def test_different_seeds_differ(make_engine: MakeEngine) -> None:
    engine = make_engine(models.build("qwen3"))
    ids = models.prompt(20)
    outs = await asyncio.gather(
        *(
            engine.generate(str(s), ids, SamplingParams(max_tokens=20, temperature=2.0, seed=s))
            for s in range(8)
        )
    )
    assert len({tuple(out.ids) for out in outs}) == 8


@pytest.mark.parametrize(
    "wrong", [{"max_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"top_k": -1}, {"seed": -1}]
)
def test_parameters_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        SamplingParams(**wrong)  # type: ignore[arg-type]
