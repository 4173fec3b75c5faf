"""Our losses and gradients beside TRL 1.16.0's on one batch of multi-turn rows.

TRL's numbers were made by ``scripts/trl_losses.py`` where it is installed; nothing here needs it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.losses import Clip, Dapo, Gspo, Loss
from envgym.trainers.losses.base import Denominator, token_weights
from envgym.trajectory import Span
from tests.trainers.helpers import episode

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "trl_losses.json").read_text())


@pytest.fixture
def model() -> PreTrainedModel:
    made = Qwen3ForCausalLM(Qwen3Config(**GOLDEN["shape"]))
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            parameter.copy_(torch.tensor(GOLDEN["weights"][name]).view_as(parameter))
    return made.eval()


def samples() -> list[Sample]:
    made = []
    # Prompt, then turns of (action, what the tool said after it).
    for row, (prompt, turns) in enumerate(GOLDEN["rows"]):
        one = episode([(prompt if k == 0 else [], action) for k, (action, _) in enumerate(turns)])
        at = 0
        for k, turn in enumerate(one.turns):
            if k:
                turn.context = [Span("tool", turns[k - 1][1])]
            turn.logprobs = GOLDEN["recorded"][row][at : at + len(turn.action)]
            at += len(turn.action)
        made.append(Sample(one, one.trajectory))
        made[-1].set_advantage(GOLDEN["advantages"][row])
    return made


@pytest.mark.parametrize(
    ("name", "loss", "denominator"),
    [
        ("grpo", Clip(), "sequence"),
        ("dr_grpo", Clip(), "constant"),
        ("dapo", Dapo(), "token"),
        ("gspo", Gspo(low=0.1, high=0.15), "sequence"),
    ],
)
@pytest.mark.parametrize("micro_tokens", [10**6, 12])
def test_loss_and_gradient_are_trls(
    model: PreTrainedModel, name: str, loss: Loss, denominator: Denominator, micro_tokens: int
) -> None:
    batch = samples()
    rows = train_rows(batch, token_weights(batch, denominator, 16.0))
    policy = Policy(LanguageModel(model, micro_tokens=micro_tokens), lr=0.0, grad_clip=1e9)
    told = policy.update(rows, [loss])
    assert told["loss"] == pytest.approx(GOLDEN["cases"][name]["loss"], abs=1e-5)
    assert 0 < told["clipfrac"] < 1
    for parameter, gradient in model.named_parameters():
        assert gradient.grad is not None
        found = gradient.grad.flatten().numpy()
        np.testing.assert_allclose(found, GOLDEN["cases"][name]["gradient"][parameter], atol=1e-5)
    assert max(np.abs(g).max() for g in GOLDEN["cases"][name]["gradient"].values()) > 1e-2
