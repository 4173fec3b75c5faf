"""The learner reads the sampler's numbers from models that scale or cap their logits."""

from __future__ import annotations

import pytest

from envgym.agents.local.engine import Engine
from envgym.agents.local.sampling import SamplingParams
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.losses import Sft
from tests.agents.local.models import prompt
from tests.trainers.helpers import episode
from tests.trainers.model_families.shapes import build


@pytest.mark.parametrize("family", ["qwen3", "gemma2", "cohere", "granite"])
async def test_a_policy_reads_the_samplers_numbers(family: str) -> None:
    model = build(family)
    engine = Engine(model, eos_ids=())
    out = await engine.generate("s", prompt(9), SamplingParams(max_tokens=12, seed=1))
    await engine.close()
    made = episode([(prompt(9), out.ids)])
    made.trajectory.turns[0].logprobs = out.logprobs
    rows = train_rows([Sample(made, made.trajectory)], [1.0])
    assert Policy(model, lr=0.0).update(rows, [Sft(roles=("policy",))])["sampler_gap"] < 1e-5
