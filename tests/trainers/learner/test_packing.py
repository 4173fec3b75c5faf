"""Rows as one sequence: what is where, what is shared, and that no number tells."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.hidden_states import MicroBatch, action_states, micro_batches
from envgym.trainers.learner.layout import Layout, SharedPrefixes, lay_out
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.packing import packable, packed_states, token_pairs
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rows import TrainRow, train_rows
from envgym.trainers.losses import Clip
from envgym.trainers.losses.base import token_weights
from tests.trainers.helpers import episode
from tests.trainers.learner.test_shared_prefix import SIZES
from tests.trainers.strategies import chances, some_ids

ALWAYS = 1e9  # tokens so dear that whatever can be shared is


def qwen() -> Any:
    torch.manual_seed(0)
    return Qwen2ForCausalLM(Qwen2Config(**SIZES, initializer_range=0.3)).double()


def gpt2() -> Any:
    """Learned positions: it sees those it is told."""
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128, "vocab_size": 50}
    ends = {"bos_token_id": None, "eos_token_id": None}
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(**sizes, **ends, initializer_range=0.3)).double().eval()


def arrays(*rows: Sequence[int]) -> list[Any]:
    return [np.array(row, np.int64) for row in rows]


def told(layout: Layout) -> list[tuple[list[int], tuple[int, ...]]]:
    """Each segment's ids, and what comes before it."""
    parts = np.split(layout.ids, np.cumsum(layout.sizes)[:-1])
    return [(p.tolist(), b) for p, b in zip(parts, layout.before, strict=True)]


def test_a_layout_by_hand() -> None:
    rows = arrays([1, 2, 3, 4], [1, 2, 3, 5, 6], [1, 2, 7], [9, 9])
    layout = lay_out(rows, ALWAYS)
    assert told(layout) == [
        ([1, 2], ()),
        ([3], (0,)),
        ([4], (0, 1)),
        ([5, 6], (0, 1)),
        ([7], (0,)),
        ([9, 9], ()),
    ]
    assert layout.positions.tolist() == [0, 1, 2, 3, 3, 4, 2, 0, 1]
    assert [p.tolist() for p in layout.places] == [[0, 1, 2, 3], [0, 1, 2, 4, 5], [0, 1, 6], [7, 8]]


def test_equal_rows_and_beginnings_of_others_take_no_place_of_their_own() -> None:
    layout = lay_out(arrays([1, 2, 3], [1, 2], [1, 2, 3]), ALWAYS)
    assert told(layout) == [([1, 2], ()), ([3], (0,))]
    assert [p.tolist() for p in layout.places] == [[0, 1, 2], [0, 1], [0, 1, 2]]


def test_a_long_chain_of_rows_is_no_trouble() -> None:
    """Each goes on from the one before: as deep a tree as there are rows."""
    rows = arrays(*[[1] * (i + 1) + [2] for i in range(1100)])
    layout = lay_out(rows, ALWAYS)
    assert len(layout.ids) == 1100 + 1100  # every row's own 2, and one 1 more than the last
    assert all(
        layout.ids[p].tolist() == r.tolist() for p, r in zip(layout.places, rows, strict=True)
    )


def test_sharing_is_left_where_attention_would_cost_more() -> None:
    """Two rows of 2 + 6: apart 2 · 8²/2 pairs; shared 2²/2 + 2 · 6 · 8: 34 more, for 2 tokens."""
    rows = arrays([1, 2, *[3] * 6], [1, 2, *[4] * 6])
    assert len(lay_out(rows, 16.9).ids) == 16
    assert len(lay_out(rows, 17.1).ids) == 14


def test_a_tokens_cost_in_pairs() -> None:
    """Of the model above: 32·32 + 32·16 + 32·16 + 32·32 + 3·32·48 weights and few others a layer,
    each twice, against 4 · 32 operations a pair."""
    assert token_pairs(qwen()) == pytest.approx(7680 / 64, rel=0.03)


@pytest.mark.parametrize("make", [qwen, gpt2])
@pytest.mark.parametrize("pairs", [0.0, ALWAYS])
def test_states_are_those_of_each_row_alone(make: Any, pairs: float) -> None:
    model, chance = make(), Random(1)
    common = some_ids(chance, 20, 20)
    rows = arrays(*[common[: 5 * i] + some_ids(chance, 1, 30) for i in range(5)], common, common)
    layout = lay_out(rows, pairs)
    assert len(layout.ids) < sum(map(len, rows)) if pairs else True
    states = packed_states(model, layout)
    assert model.config._attn_implementation == "sdpa"  # as it was
    for row, place in zip(rows, layout.places, strict=True):
        alone = model.base_model(input_ids=torch.from_numpy(row)[None]).last_hidden_state[0]
        torch.testing.assert_close(states[place], alone, atol=1e-10, rtol=1e-10)


def batch(chance: Random, count: int = 6) -> list[Sample]:
    """Episodes that begin alike, some with the first action too, with advantages of every sign."""
    prompt, answer = some_ids(chance, 8, 20), some_ids(chance, 1, 5)
    samples = []
    for _ in range(count):
        first = answer if chance.random() < 0.5 else some_ids(chance, 1, 5)
        turns = [(prompt, first), (some_ids(chance, 1, 20), some_ids(chance, 1, 9))]
        made = episode(turns, restart=(1,) if chance.random() < 0.2 else ())
        sample = Sample(made, made.trajectory)
        for turn in made.turns:
            turn.logprobs = [chance.uniform(-5, -2) for _ in turn.action]
        sample.advantages = [
            np.array([chance.uniform(-1, 1) for _ in t.action], np.float32) for t in made.turns
        ]
        samples.append(sample)
    return samples


def compiled(samples: list[Sample]) -> list[TrainRow]:
    return train_rows(samples, token_weights(samples, "token", 1.0))


def gradient(model: Any, rows: list[TrainRow], **layout: Any) -> tuple[float, torch.Tensor]:
    policy = Policy(LanguageModel(model, **layout), lr=0.0, grad_clip=1e9)
    loss = policy.update(rows, [Clip()])["loss"]
    return loss, torch.cat([p.grad.flatten() for p in model.parameters()])


@settings(max_examples=8, deadline=None)
@given(chance=chances)
def test_packed_padded_and_any_split_give_one_loss_and_one_gradient(chance: Random) -> None:
    model = qwen()
    rows = compiled(batch(chance))
    loss, wanted = gradient(model, rows, packing=False)
    assert wanted.abs().max() > 1e-3
    for micro_tokens in (10**6, chance.randint(20, 200), 1):
        found, given = gradient(model, rows, packing=True, micro_tokens=micro_tokens)
        assert found == pytest.approx(loss, abs=1e-6)
        torch.testing.assert_close(given, wanted, atol=1e-6, rtol=0)
        found, given = gradient(model, rows, packing=False, micro_tokens=micro_tokens)
        assert found == pytest.approx(loss, abs=1e-6)
        torch.testing.assert_close(given, wanted, atol=1e-6, rtol=0)


def test_what_rows_share_runs_once_and_padding_never() -> None:
    model, rows = qwen(), compiled(batch(Random(3)))
    seen: list[int] = []
    model.get_input_embeddings().register_forward_hook(lambda *a: seen.append(a[1][0].numel()))
    action_states(model, rows)
    tokens = sum(len(r.row) for r in rows)
    assert seen == [len(lay_out([r.row.ids for r in rows], token_pairs(model)).ids)]
    assert seen[0] < tokens
    action_states(model, MicroBatch(rows))
    assert seen[1] > tokens


def attentions() -> dict[str, Any]:
    """A model that can be packed, and those that cannot."""
    eager = Qwen2ForCausalLM(Qwen2Config(**SIZES, attn_implementation="eager"))
    sliding = MistralForCausalLM(MistralConfig(**SIZES, sliding_window=8))
    return {"sdpa": qwen(), "eager": eager, "sliding": sliding}


MODELS = attentions()


@settings(max_examples=30)
@given(chance=chances)
def test_micro_batches_hold_each_row_once_and_run_no_more_tokens_than_they_may(
    chance: Random,
) -> None:
    """Whatever the attention and the setting: counted where the tokens run."""
    most = chance.randint(1, 300)
    for name, model in MODELS.items():
        rows = compiled(batch(chance, 12))
        for packing, whole in itertools.product((True, False), (True, False)):
            parts = list(micro_batches(model, rows, most, packing, whole))
            assert sorted(id(r) for part in parts for r in part) == sorted(map(id, rows))
            for part in parts:
                assert (part.layout is not None) == (packing and name == "sdpa")
                size = len(part) * max(len(r.row) for r in part)
                if part.layout is not None:
                    size = len(part.layout.ids)
                    for place, item in zip(part.layout.places, part, strict=True):
                        assert part.layout.ids[place].tolist() == item.row.ids.tolist()
                single = len({r.sample for r in part}) if whole else len(part)
                assert size <= most or single == 1


@settings(max_examples=50)
@given(chance=chances)
def test_the_size_of_a_part_is_known_before_it_is_laid_out(chance: Random) -> None:
    """Whichever rows a part has, in whatever order they came, and whatever sharing costs."""
    rows = [r.row.ids for r in compiled(batch(chance, 10))]
    prefixes = SharedPrefixes(rows, chance.choice([0.0, 5.0, 50.0, ALWAYS]))
    taken: list[int] = []
    size = 0
    for rank in chance.sample(prefixes.rank, chance.randint(1, len(rows))):
        taken, added = prefixes.with_rows(taken, [rank])
        size += added
        layout = prefixes.layout(taken)
        assert len(layout.ids) == sum(layout.sizes) == size
    chance.shuffle(taken)
    layout = prefixes.layout(taken)
    for rank, place in zip(taken, layout.places, strict=True):
        row = rows[prefixes.rank.index(rank)]
        assert layout.ids[place].tolist() == row.tolist()
        assert layout.positions[place].tolist() == list(range(len(row)))


def test_a_shared_prompt_counts_once_in_every_part() -> None:
    """32 groups of 8: a prompt of 3,000 tokens, half of it common to all, and 200 sampled."""
    chance, samples = Random(0), []
    for _ in range(32):
        prompt = [7] * 1500 + [chance.randrange(50) for _ in range(1500)]
        for _ in range(8):
            made = episode([(prompt, [chance.randrange(50) for _ in range(200)])])
            samples.append(Sample(made, made.trajectory))
    with torch.device("meta"):  # a model of some width, whose weights are counted alone
        model = Qwen2ForCausalLM(Qwen2Config(**{**SIZES, "intermediate_size": 10**6}))
    parts = list(micro_batches(model, train_rows(samples, [1.0] * 256), 16384))
    sizes = [len(part.layout.ids) for part in parts if part.layout is not None]
    assert len(sizes) == len(parts) <= 8
    assert max(sizes) <= 16384
    assert sum(sizes) < 1.25 * (1500 + 32 * 1500 + 256 * 200)


@pytest.mark.parametrize("name", ["eager", "sliding"])
def test_padding_counts_where_a_model_cannot_be_packed(name: str) -> None:
    """One row of 800 tokens beside 130 of 60 is no forward pass of 131 times 800."""
    made = [episode([([1] * 796, [2] * 4)]), *(episode([([1] * 56, [2] * 4)]) for _ in range(130))]
    rows = compiled([Sample(e, e.trajectory) for e in made])
    parts = list(micro_batches(MODELS[name], rows, 1638))
    assert max(len(part) * max(len(r.row) for r in part) for part in parts) <= 1638
    assert len(parts) == 6  # 27 short rows to a part


def test_packed_micro_batches_are_of_a_size() -> None:
    """Nine rows of ten tokens: as few parts as filling them gives, but none of them a rest."""
    made = [episode([([i] * 8, [1, 2])]) for i in range(9)]
    rows = compiled([Sample(e, e.trajectory) for e in made])
    model = qwen()
    assert [len(p) for p in micro_batches(model, rows, 80)] == [5, 4]  # to the brim: 8 and 1
    assert [len(p) for p in micro_batches(model, rows, 40)] == [3, 3, 3]  # 4, 4 and 1
    assert list(micro_batches(model, [], 40)) == []


@pytest.mark.parametrize("name", ["eager", "sliding"])
def test_a_model_of_another_attention_runs_padded(name: str) -> None:
    rows = compiled(batch(Random(0)))
    assert not packable(MODELS[name])
    found, _ = action_states(MODELS[name], rows)
    wanted, _ = action_states(MODELS[name], MicroBatch(rows))
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)
    assert packable(qwen())
