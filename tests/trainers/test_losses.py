from __future__ import annotations

import math

import pytest
import torch

from envgym.errors import UsageError
from envgym.trainers.losses import Clip, Kl, LossInputs, Sft


def inputs(logp: list[float], advantage: list[float], ref: list[float] | None = None) -> LossInputs:
    return LossInputs(
        logp=torch.tensor(logp, requires_grad=True),
        old_logp=torch.zeros(len(logp)),
        ref_logp=None if ref is None else torch.tensor(ref),
        advantage=torch.tensor(advantage),
        sample=torch.zeros(len(logp), dtype=torch.long),
    )


def test_clip_by_hand() -> None:
    r = [1.5, 1.5, 0.5, 0.5]
    given = inputs([math.log(x) for x in r], [1.0, -1.0, 1.0, -1.0])
    loss, metrics = Clip(low=0.2, high=0.3)(given)
    # A > 0: min(r, 1.3); A < 0: the larger loss of r and the clipped ratio
    assert loss.tolist() == pytest.approx([-1.3, 1.5, -0.5, 0.8])
    assert metrics["clip_fraction"].tolist() == [1, 0, 0, 1]
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
