"""The agent against our own server: whole episodes, and weights that change under them."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from envgym.agents.serve_model import ServedModel
from envgym.agents.vllm import VllmAgent, WeightSyncError
from envgym.agents.vllm.learner_model import LearnerModel
from envgym.agents.vllm.transports import DiskTransport
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.rollout.runner import Limits, Rollout, RolloutResult, Start
from envgym.trajectory import rows
from tests.agents.serve_model.conftest import serving
from tests.waiting import until

Game = type[Env[Any]]


@pytest.fixture
def learner(model: PreTrainedModel) -> PreTrainedModel:
    return copy.deepcopy(model)


@pytest.fixture
async def served(model: PreTrainedModel, chat: Chat) -> ServedModel:
    return ServedModel(copy.deepcopy(model), chat, "toy", max_rows=16)


@pytest.fixture
async def agent(
    served: ServedModel, learner: PreTrainedModel, tokenizer: Any, tmp_path: Path
) -> AsyncIterator[VllmAgent]:
    weights = LearnerModel(learner)
    async with serving(served) as address:
        agent = VllmAgent(
            [address],
            Chat(tokenizer),
            max_tokens=12,
            weights=weights,
            transport=DiskTransport(weights, tmp_path),
            tolerance=1e-4,
        )
        yield agent
        await agent.close()


def move(model: PreTrainedModel, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)


async def play(guess: Game, agent: VllmAgent, name: str = "g") -> RolloutResult:
    starts = [Start(g, group=f"{name}{g}", member=m) for g in range(3) for m in range(4)]
    rollout = Rollout(lambda: guess(max_turns=3), Limits(concurrency=12))
    result = await rollout.run(starts, agent)
    await rollout.close()
    return result


def worst_gap(result: RolloutResult, models: dict[int, PreTrainedModel]) -> float:
    """Largest difference of a record from the log-prob of the model with its version."""
    worst, compared = 0.0, 0
    for episode in result.episodes:
        for row in rows(episode.trajectory):
            ids = torch.from_numpy(row.ids)
            versions = row.versions[1:]
            for version, model in models.items():
                with torch.no_grad():
                    every = torch.log_softmax(model(ids[None]).logits[0, :-1], -1)
                own = every.gather(-1, ids[1:, None])[:, 0].numpy()
                mine = row.mask[1:].astype(bool) & (versions == version)
                if mine.any():
                    compared += int(mine.sum())
                    worst = max(worst, float(abs(own - row.logprobs[1:])[mine].max()))
    assert compared
    return worst


async def test_records_are_the_learners_log_probs(
    guess: Game, agent: VllmAgent, learner: PreTrainedModel
) -> None:
    move(learner, 1)  # the server has other weights, until the agent starts
    result = await play(guess, agent)
    assert len(result.episodes) == 12
    assert worst_gap(result, {0: learner}) < 1e-4
    first = copy.deepcopy(learner)
    move(learner, 2)
    await agent.update_weights()
    again = await play(guess, agent)
    assert worst_gap(again, {1: learner}) < 1e-4
    assert worst_gap(again, {1: first}) > 1e-2, "the weights differ by enough to tell"
    sampled = [t.action for e in result.episodes for t in e.turns]
    assert sampled != [t.action for e in again.episodes for t in e.turns]


async def test_an_update_in_the_middle_of_episodes(
    guess: Game, agent: VllmAgent, learner: PreTrainedModel, served: ServedModel
) -> None:
    """Turns go on under the new weights, and no token has the version of other weights."""
    agent.max_tokens = 60
    await agent.start()
    models = {0: copy.deepcopy(learner)}
    playing = asyncio.create_task(play(guess, agent))
    for version in (1, 2, 3):
        steps = served.engine.stats.decode_steps + 25
        await until(lambda: served.engine.stats.decode_steps >= steps or playing.done())  # noqa: B023
        move(learner, version)
        await agent.update_weights()
        models[version] = copy.deepcopy(learner)
    result = await playing
    assert len(result.episodes) == 12
    seen = {v for e in result.episodes for t in e.turns for v in t.versions}
    assert {0, 1} < seen
    assert any(len(set(t.versions)) > 1 for e in result.episodes for t in e.turns)
    assert worst_gap(result, models) < 1e-4


async def test_a_stale_server_is_found(
    agent: VllmAgent, learner: PreTrainedModel, served: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that confirms an update and does not do it."""
    await agent.start()

    async def nothing(folder: Path) -> None:
        served.set_label(served.label)

    monkeypatch.setattr(served, "load", nothing)
    move(learner, 1)
    with pytest.raises(WeightSyncError, match="failed at check: its log-probs differ"):
        await agent.update_weights()
    assert served.paused


async def test_greedy_turns(guess: Game, agent: VllmAgent, learner: PreTrainedModel) -> None:
    greedy = agent.with_temperature(0.0)
    one, two = await play(guess, greedy, "a"), await play(guess, greedy, "b")  # type: ignore[arg-type]
    actions = [[t.action for e in r.episodes for t in e.turns] for r in (one, two)]
    assert actions[0] == actions[1]
    assert worst_gap(one, {0: learner}) < 1e-4
    await greedy.close()
    assert (await play(guess, agent, "c")).episodes, "its connections are the agent's"


async def test_cancelled_episodes_leave_no_row(
    guess: Game, agent: VllmAgent, served: ServedModel
) -> None:
    agent.max_tokens = 400
    await agent.start()
    playing = asyncio.create_task(play(guess, agent))
    await until(lambda: served.running)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    await until(lambda: not served.running)
