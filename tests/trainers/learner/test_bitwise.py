"""Bits of log-probs: on which batch they depend, and how far engine and learner are apart."""

from __future__ import annotations

import asyncio

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.agents.local import Engine, SamplingParams
from envgym.agents.tiny import BASE, load_model
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.hidden_states import MicroBatch, action_states, micro_batch
from envgym.trainers.learner.logprobs import log_probs
from envgym.trainers.learner.rows import TrainRow, train_rows
from tests.agents.local import models
from tests.trainers.helpers import episode

torch.set_num_threads(1)
SIZES = (1, 2, 3, 8, 32)


def model_of(name: str) -> PreTrainedModel:
    return load_model(BASE)[0].eval() if name == "base" else models.build(name)


async def sampled(model: PreTrainedModel, count: int) -> tuple[list[TrainRow], Tensor]:
    """Rows of episodes sampled together, and the engine's log-probs of their actions."""
    engine = Engine(model, eos_ids=(), deterministic=True)
    engine.join(count)

    async def play(index: int) -> tuple[list[int], list[int], list[float]]:
        context = models.prompt(23 + index % 5, seed=index)
        out = await engine.generate(f"s{index}", context, SamplingParams(max_tokens=16, seed=index))
        engine.leave()
        return context, out.ids, out.logprobs

    played = await asyncio.gather(*(play(i) for i in range(count)))
    await engine.close()
    made = [episode([(context, ids)]) for context, ids, _ in played]
    rows = train_rows([Sample(e, e.trajectory) for e in made], [1.0] * count)
    return rows, torch.tensor([p for *_, logprobs in played for p in logprobs])


@torch.no_grad()
def learnt(model: PreTrainedModel, batch: MicroBatch) -> Tensor:
    return log_probs(model.get_output_embeddings(), *action_states(model, batch))[0]


@pytest.mark.parametrize("name", ["base", "qwen3"])
async def test_padded_log_probs_do_not_depend_on_the_other_rows(name: str) -> None:
    """To the last bit, at every number of rows; packed ones do, by where a row lies."""
    model = model_of(name)
    rows, _ = await sampled(model, max(SIZES))
    alone = [learnt(model, MicroBatch([row])) for row in rows]
    for size in SIZES:
        together = learnt(model, MicroBatch(rows[:size]))
        assert torch.equal(together, torch.cat(alone[:size]))


@pytest.mark.parametrize("name", ["base", "qwen3"])
async def test_engine_and_learner_differ_by_rounding_alone(name: str) -> None:
    model = model_of(name)
    for size in SIZES:
        rows, wanted = await sampled(model, size)
        for batch in (MicroBatch(rows), micro_batch(model, rows)):
            torch.testing.assert_close(learnt(model, batch), wanted, atol=2e-5, rtol=0)
