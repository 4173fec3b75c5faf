"""A-LoL: its weights and gradients by hand, and through the loop."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from envgym.errors import UsageError
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.reference import Reference
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rescoring import Scorer
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.losses import ALol, ALolRefFree, LossInputs
from envgym.trainers.run import train
from tests.trainers.helpers import episode
from tests.trainers.learner.test_packing import qwen
from tests.trainers.test_preferences import Parity  # noqa: F401  registers its environment
from tests.trainers.test_run import config, metrics

A = [2.0, 2.0, -1.0, -1.0, 0.5]


def inputs() -> LossInputs:
    """Answers of two tokens, two and one; ratios to the reference 2, 0.5·3, 9, 9 and e^-5."""
    logp = torch.tensor([-1.0, -2.0, -1.0, -1.0, -3.0], requires_grad=True)
    gaps = torch.tensor([math.log(2), math.log(0.6), math.log(9), math.log(9), -5.0])
    return LossInputs(
        logp=logp,
        old_logp=logp.detach(),
        ref_logp=logp.detach() - gaps,
        advantage=torch.tensor(A),
        sample=torch.tensor([3, 3, 1, 1, 7]),
    )


@pytest.mark.parametrize(
    ("loss", "weights", "penalty"),
    [
        (ALolRefFree(), [1.0, 1.0, 1.0], 0.0),
        (ALol(), [1.2, 1.2, 0.1], 0.0),
        (ALol(variant="seq"), [1.9, 0.6, 0.1], 0.0),
        (ALol(variant="seq", clip=2.0), [2.0, 0.6, math.exp(-5)], 0.0),
        (ALol(variant="kl", kl_coef=0.3), [1.0, 1.0, 1.0], 0.3),
    ],
)
def test_gradients_by_hand(loss: ALolRefFree, weights: list[float], penalty: float) -> None:
    """-A w + β on answers with A > 0, nothing on the others."""
    batch = inputs()
    values, told = loss(batch)
    values.sum().backward()
    assert batch.logp.grad is not None
    first, second, last = weights
    assert batch.logp.grad.tolist() == pytest.approx(
        [-2 * first + penalty, -2 * second + penalty, 0.0, 0.0, -0.5 * last + penalty]
    )
    assert told["a_lol_used"].tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]
    assert not told["a_lol_weight"].requires_grad


def test_a_reference_is_asked_for() -> None:
    batch = inputs()
    batch.ref_logp = None
    ALolRefFree()(batch)
    with pytest.raises(UsageError, match="a_lol loss needs a reference policy"):
        ALol()(batch)


@pytest.mark.parametrize("micro_tokens", [1, 10**6])
def test_the_weight_is_the_answers_over_all_its_rows(micro_tokens: int) -> None:
    """Two rows, cut apart or not: one product of ratios, and log-probs that are summed."""
    made = episode([([1, 2], [3, 4]), ([5, 6], [7])], restart=(1,))
    sample = Sample(made, made.trajectory)
    sample.set_advantage(0.5)
    torch.manual_seed(0)
    model, reference = qwen(), qwen()
    for parameter in reference.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    policy = Policy(LanguageModel(model, micro_tokens=micro_tokens), lr=0.0, grad_clip=1e9)
    Scorer(policy, Reference(LanguageModel(reference))).add(["ref_logp", "prox_logp"], [sample])
    told = policy.update(train_rows([sample], [1.0]), [ALol(clip=1e9)])
    prox, ref = (
        float(sum(p.sum() for p in sample.column(n) or [])) for n in ("prox_logp", "ref_logp")
    )
    weight = math.exp(prox - ref)
    assert abs(weight - 1) > 1e-3
    assert told["a_lol_weight"] == pytest.approx(weight, rel=1e-4)
    assert told["loss"] == pytest.approx(-0.5 * weight * prox, rel=1e-4)


@pytest.mark.parametrize("loss", ["a_lol", "a_lol_ref_free"])
async def test_a_run_learns_from_answers_above_their_value(tmp_path: Path, loss: str) -> None:
    settings: Any = (
        "env.id=test/parity-v1",
        "rewards=[score]",
        "advantage=rloo",
        f"losses=[{loss}]",
        "batching={name: priority, batches: 2}",
        "learner.max_idle_steps=3",
    )
    await train(config(tmp_path, "a", *settings))
    rows = metrics(tmp_path / "a")
    assert any(row.get("learn/a_lol_used") == 1.0 for row in rows)  # priority draws no other
