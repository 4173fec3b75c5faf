from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.hidden_states import micro_batches
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.losses import (
    Cispo,
    Clip,
    Dapo,
    Decoupled,
    DppoTv,
    Gspo,
    IcePop,
    Kl,
    Loss,
    LossInputs,
    Sft,
    Tis,
)
from envgym.trainers.losses.base import useful_rows
from envgym.trainers.recipe import load_config
from tests.trainers.helpers import episode
from tests.trainers.learner.test_packing import qwen


def inputs(
    logp: list[float],
    advantage: list[float],
    ref: list[float] | None = None,
    sample: list[int] | None = None,
    prox: list[float] | None = None,
    old: list[float] | None = None,
) -> LossInputs:
    return LossInputs(
        logp=torch.tensor(logp, requires_grad=True),
        old_logp=torch.zeros(len(logp)) if old is None else torch.tensor(old),
        ref_logp=None if ref is None else torch.tensor(ref),
        advantage=torch.tensor(advantage),
        sample=torch.tensor(sample or [0] * len(logp)),
        prox_logp=None if prox is None else torch.tensor(prox),
    )


def logs(*ratios: float) -> list[float]:
    return [math.log(r) for r in ratios]


def test_clip_by_hand() -> None:
    r = [1.5, 1.5, 0.5, 0.5]
    given = inputs([math.log(x) for x in r], [1.0, -1.0, 1.0, -1.0])
    loss, metrics = Clip(low=0.2, high=0.3)(given)
    # A > 0: min(r, 1.3); A < 0: the larger loss of r and the clipped ratio
    assert loss.tolist() == pytest.approx([-1.3, 1.5, -0.5, 0.8])
    assert metrics["clipfrac"].tolist() == [1, 0, 0, 1]
    assert metrics["ratio"].tolist() == pytest.approx(r)


def test_gradient_at_ratio_one_is_the_policy_gradient() -> None:
    given = inputs([0.0, 0.0], [2.0, -3.0])
    Clip()(given)[0].sum().backward()
    assert given.logp.grad is not None
    assert given.logp.grad.tolist() == [-2.0, 3.0]


@pytest.mark.parametrize(
    ("kind", "value"), [("k1", 0.5), ("k2", 0.125), ("k3", math.exp(-0.5) - 0.5)]
)
def test_kl_by_hand(kind: str, value: float) -> None:
    loss, _ = Kl(kind=kind)(inputs([0.0], [0.0], [-0.5]))
    assert loss.item() == pytest.approx(value, abs=1e-6)


def test_kl_without_reference_says_so() -> None:
    with pytest.raises(UsageError, match="reference"):
        Kl()(inputs([0.0], [0.0]))


def test_sft_is_the_negative_log_likelihood() -> None:
    assert Sft()(inputs([-2.0], [0.0]))[0].tolist() == [2.0]


def test_dual_clip_bounds_what_a_bad_token_costs() -> None:
    given = inputs(logs(5.0, 5.0, 2.0, 0.5), [-1.0, 1.0, -1.0, -1.0])
    loss, metrics = Clip(dual=3.0)(given)
    assert loss.tolist() == pytest.approx([3.0, -1.2, 2.0, 0.8])
    assert metrics["dual_fraction"].tolist() == [1, 0, 0, 0]
    loss.sum().backward()
    assert given.logp.grad is not None
    assert given.logp.grad.tolist() == pytest.approx([0, 0, 2.0, 0])


def test_dapo_lets_unlikely_tokens_rise_further() -> None:
    loss, _ = Dapo()(inputs(logs(1.5, 0.5), [1.0, -1.0]))
    assert loss.tolist() == pytest.approx([-1.28, 0.8])


def test_gspo_by_hand() -> None:
    """One ratio an episode: the geometric mean of its tokens'."""
    given = inputs(logs(2.0, 0.5, 1.1, 1.1), [1.0, 1.0, 1.0, -1.0], sample=[3, 3, 5, 5])
    loss, metrics = Gspo(low=0.05, high=0.05)(given)
    assert metrics["sequence_ratio"].tolist() == pytest.approx([1, 1, 1.1, 1.1])
    assert loss.tolist() == pytest.approx([-1, -1, -1.05, 1.1])
    assert metrics["clipfrac"].tolist() == [0, 0, 1, 0]
    loss.sum().backward()
    assert given.logp.grad is not None
    assert given.logp.grad.tolist() == pytest.approx([-1, -1, 0, 1.1])


def test_cispo_keeps_the_gradient_of_what_it_clips() -> None:
    given = inputs(logs(2.0, 0.25, 1.0), [1.0, -2.0, 1.0])
    loss, metrics = Cispo(low=0.5, high=0.5)(given)
    loss.sum().backward()
    assert given.logp.grad is not None
    assert given.logp.grad.tolist() == pytest.approx([-1.5, 1.0, -1.0])
    assert metrics["clipfrac"].tolist() == [1, 1, 0]
    weight = Cispo()(inputs(logs(7.0), [1.0]))[0].item() / -math.log(7.0)
    assert weight == pytest.approx(5.0)  # the default's bound is 5, not 0.2


def test_decoupled_by_hand() -> None:
    """π / π_prox is clipped, π_prox / π_sampler weighs, and is dropped where it is over 5."""
    given = inputs(logs(3.0, 9.0, 2.0), [1.0, 1.0, -1.0], prox=logs(2.0, 6.0, 4.0))
    loss, metrics = Decoupled()(given)
    # u: 1.5, 1.5, 0.5; w: 2, 6, 4
    assert loss.tolist() == pytest.approx([-2 * 1.2, 0, 4 * 0.8])
    assert metrics["sampler_weight"].tolist() == pytest.approx([2, 6, 4])
    assert metrics["sampler_cut"].tolist() == [0, 1, 0]
    assert metrics["ratio"].tolist() == pytest.approx([3, 9, 2])


def test_tis_truncates_and_icepop_drops() -> None:
    given = inputs(logs(4.0, 0.25, 1.5), [1.0] * 3, prox=logs(4.0, 0.25, 1.5))
    assert Tis()(given)[0].tolist() == pytest.approx([-2, -0.25, -1.5])
    assert IcePop()(given)[0].tolist() == pytest.approx([-4, 0, -1.5])


def test_decoupled_without_a_proximal_policy_says_so() -> None:
    with pytest.raises(UsageError, match="tis loss needs proximal"):
        Tis()(inputs([0.0], [1.0]))


def test_dppo_by_hand() -> None:
    """Of probabilities 0.5 → 0.8 and 0.01 → 0.04, the first has moved; PPO clips the second."""
    old, new = logs(0.5, 0.01, 0.5, 0.5), logs(0.8, 0.04, 0.2, 0.2)
    given = inputs(new, [1.0, 1.0, -1.0, 1.0], old=old)
    loss, metrics = DppoTv(pull=0.0)(given)
    assert loss.tolist() == pytest.approx([0, -4, 0, -0.4], abs=1e-6)
    assert metrics["clipfrac"].tolist() == [1, 0, 1, 0]
    pulled, _ = DppoTv(pull=0.5)(given)
    wanted = [0.5 * math.log(r) ** 2 for r in (1.6, 4, 0.4, 0.4)]
    assert (pulled - loss).tolist() == pytest.approx(wanted)


BOUNDED = [Clip(), Clip(dual=3.0), Dapo(), Gspo(), Cispo(), Decoupled(), Tis(), IcePop(), DppoTv()]


@pytest.mark.parametrize("loss", BOUNDED, ids=lambda loss: loss.name)
@pytest.mark.parametrize("gap", [-1000.0, -25.0, 25.0, 1000.0])
def test_a_token_far_from_its_record_leaves_the_step_finite(loss: Loss, gap: float) -> None:
    """Beside it, a token at ratio 1 keeps its gradient."""
    logp = [-1000.0 if gap < 0 else 0.0, -1.0] * 3
    old = [logp[0] - gap, -1.0] * 3
    for prox in (logp, old):
        given = inputs(
            logp, [1.0, 1.0, -1.0, -1.0, 0.0, 0.5], old=old, prox=prox, sample=[*range(6)]
        )
        values, metrics = loss(given)
        values.sum().backward()
        assert given.logp.grad is not None
        assert values.isfinite().all()
        assert given.logp.grad.isfinite().all()
        assert all(metric.isfinite().all() for metric in metrics.values())
        assert given.logp.grad[1::2].tolist() == pytest.approx([-1.0, 1.0, -0.5])
        pull = 2 * loss.pull * abs(gap) if isinstance(loss, DppoTv) else 0.0
        assert given.logp.grad[::2].abs().max() <= max(pull, 5.0) + 1e-6


@pytest.mark.parametrize("gap", [-19.5, -4.0, 0.0, 4.0, 19.5])
def test_ratios_within_the_bound_are_as_they_were(gap: float) -> None:
    given = inputs([gap], [-1.0])
    loss, _ = Clip()(given)
    loss.sum().backward()
    assert loss.item() == pytest.approx(max(math.exp(gap), 0.8), rel=1e-6)
    assert given.logp.grad is not None
    assert given.logp.grad.item() == pytest.approx(math.exp(gap) * (math.exp(gap) > 0.8), rel=1e-6)


@drawn(d=st.floats(-3, 30))
def test_k3_is_its_own_formula_down_to_three_nats_below(d: float) -> None:
    given = inputs([d], [0.0], [0.0])
    loss, _ = Kl()(given)
    loss.sum().backward()
    assert loss.item() == pytest.approx(math.exp(-d) - 1 + d, rel=1e-5, abs=1e-6)
    assert given.logp.grad is not None
    assert given.logp.grad.item() == pytest.approx(1 - math.exp(-d), rel=1e-5, abs=1e-6)


@drawn(d=st.floats(-1000, -3))
def test_a_token_far_below_the_reference_pulls_no_more_than_k2_at_twenty_nats(d: float) -> None:
    given = inputs([d, -0.5], [0.0] * 2, [0.0, 0.0])
    loss, _ = Kl()(given)
    loss.sum().backward()
    assert given.logp.grad is not None
    pull, beside = given.logp.grad.tolist()
    assert pull == pytest.approx(1 - math.exp(3))
    assert abs(pull) < 20
    assert beside == pytest.approx(1 - math.exp(0.5))
    assert loss[0].item() == pytest.approx(math.exp(3) - 4 + pull * (d + 3), rel=1e-5)


def test_two_losses_that_follow_the_advantages_exclude_each_other() -> None:
    with pytest.raises(UsageError, match=r"losses\.0 'clip': it and 'gspo' both follow"):
        load_config("demo", ["losses=[clip, gspo]"])
    config = load_config("demo", ["losses=[clip, kl]"])
    assert [loss.conflict(config) for loss in config.losses] == [None, None]


def cut_samples() -> list[Sample]:
    made = [
        episode([([1], [2])] * 3, restart=(1, 2)),
        episode([([1], [2, 3, 4])]),
        episode([([1], [2])] * 2, restart=(1,)),
    ]
    return [Sample(e, e.trajectory) for e in made]


def test_rows_of_a_sample_stay_together_where_a_loss_asks_for_it() -> None:
    packs = qwen()
    rows = train_rows(cut_samples(), [1.0] * 3)
    for tokens, packing in itertools.product((1, 6, 8, 100), (True, False)):
        parts = list(micro_batches(packs, rows, tokens, packing, whole_samples=True))
        assert sorted(id(r) for part in parts for r in part) == sorted(id(r) for r in rows)
        places = [{r.sample for r in part} for part in parts]
        assert sum(map(len, places)) == 3  # no sample is in two
    assert len(list(micro_batches(packs, rows, 1, whole_samples=True))) == 3
    assert len(list(micro_batches(packs, rows, 100, whole_samples=True))) == 1


def test_rows_without_credit_are_left_out() -> None:
    samples = cut_samples()
    for one in samples:
        one.set_advantage(0.0)
    samples[0].advantages[1][:] = 1.0
    rows = train_rows(samples, [1.0] * 3)
    assert len(useful_rows(rows, [Clip()])) == 1
    assert [r.sample for r in useful_rows(rows, [Gspo()])] == [0, 0, 0]
    assert len(useful_rows(rows, [Clip(), Kl()])) == len(rows)
    skipped = train_rows(samples, [0.0, 1.0, 1.0])
    assert useful_rows(skipped, [Clip()]) == []
