"""Whole episodes at a real server: log-probs, versions, an update and a crash on the way."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

import envgym
from envgym.agent import Context
from envgym.agents.vllm import VllmAgent
from envgym.agents.vllm.learner_model import LearnerModel
from envgym.agents.vllm.token_protocols import CompletionsProtocol
from envgym.agents.vllm.transports import DiskTransport
from envgym.chat.renderer import Chat
from envgym.messages import user
from envgym.rollout.runner import Limits, Rollout, RolloutResult, Start
from envgym.trajectory import Episode, rows
from tests.vllm_real.server import VllmProcess
from tests.waiting import until

pytestmark = pytest.mark.timeout(700)

TOLERANCE = 1e-2


@pytest.fixture
def learner(base: tuple[PreTrainedModel, Any]) -> PreTrainedModel:
    return copy.deepcopy(base[0])


@pytest.fixture
async def agent(
    vllm: VllmProcess, learner: PreTrainedModel, base: tuple[PreTrainedModel, Any], tmp_path: Path
) -> AsyncIterator[VllmAgent]:
    weights = LearnerModel(learner)
    agent = VllmAgent(
        [vllm.url],
        Chat(base[1], "tags", instructions=False),
        max_tokens=20,
        weights=weights,
        transport=DiskTransport(weights, tmp_path / "weights"),
        tolerance=TOLERANCE,
    )
    yield agent
    await agent.close()


def move(model: PreTrainedModel, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)


async def play(
    agent: VllmAgent, count: int, on_episode: Callable[[Episode], None] | None = None
) -> RolloutResult:
    def make() -> Any:
        return envgym.make("search/wiki-v1", size=500, max_turns=4)

    async with make() as env:
        tasks = env.tasks("train")
        starts = [
            Start(g // 4, tasks[g // 4 % len(tasks)], group=f"g{g // 4}", member=g % 4)
            for g in range(count)
        ]
        rollout = Rollout(make, Limits(concurrency=48))
        result = await rollout.run(starts, agent, on_episode)
        await rollout.close()
    return result


def gaps(result: RolloutResult, model: PreTrainedModel, version: int) -> list[float]:
    """Differences between records with a version and the log-probs of a model."""
    found: list[float] = []
    for episode in result.episodes:
        for row in rows(episode.trajectory):
            mine = row.mask[1:] & (row.versions[1:] == version)
            if not mine.any():
                continue
            ids = torch.from_numpy(row.ids)
            with torch.no_grad():
                every = torch.log_softmax(model(ids[None]).logits[0, :-1], -1)
            own = every.gather(-1, ids[1:, None])[:, 0].numpy()
            found += abs(own - row.logprobs[1:])[mine].tolist()
    return found


def turns(result: RolloutResult) -> list[Any]:
    return [turn for episode in result.episodes for turn in episode.turns]


async def test_two_hundred_episodes_with_an_update_on_the_way(
    agent: VllmAgent, learner: PreTrainedModel
) -> None:
    await agent.start()
    first = copy.deepcopy(learner)
    done: list[Episode] = []
    playing = asyncio.create_task(play(agent, 200, done.append))
    await until(lambda: len(done) >= 60, 120)
    move(learner, 1)
    await agent.update_weights()
    result = await playing
    assert len(result.episodes) == 200
    assert not result.faults
    assert sum(len(e.turns) for e in result.episodes) > 400
    versions = {v for turn in turns(result) for v in turn.versions}
    assert versions == {0, 1}
    assert any(len(set(turn.versions)) == 2 for turn in turns(result)), "turns went on"
    for version, model, other in ((0, first, learner), (1, learner, first)):
        right, wrong = gaps(result, model, version), gaps(result, other, version)
        assert max(right) < TOLERANCE
        assert sum(gap > TOLERANCE for gap in wrong) > len(wrong) / 2, "weights that can be told"


async def test_new_weights_have_another_distribution(
    agent: VllmAgent, learner: PreTrainedModel
) -> None:
    context = Context("s", [user("x")], (), list(range(20, 60)), "", seed=5)
    before = await agent.act(context)
    again = await agent.act(context)
    assert before.ids == again.ids
    assert before.logprobs == pytest.approx(again.logprobs, abs=1e-4), "cached or not"
    move(learner, 2)
    await agent.update_weights()
    after = await agent.act(context)
    assert (before.version, after.version) == (0, 1)
    assert (after.ids, after.logprobs) != (before.ids, before.logprobs)
    own = LearnerModel(learner).logprobs([*context.ids, *after.ids], len(after.ids), 1.0)
    assert after.logprobs == pytest.approx(own, abs=TOLERANCE)


async def test_the_server_is_killed_and_comes_back(
    agent: VllmAgent, learner: PreTrainedModel, vllm: VllmProcess
) -> None:
    await agent.start()
    move(learner, 3)
    await agent.update_weights()
    done: list[Episode] = []
    playing = asyncio.create_task(play(agent, 96, done.append))
    await until(lambda: len(done) >= 10, 120)
    await asyncio.to_thread(vllm.kill)
    vllm.start()
    result = await playing
    assert len(result.episodes) == 96
    assert not result.quarantined
    assert {v for turn in turns(result) for v in turn.versions} == {1}
    assert max(gaps(result, learner, 1)) < TOLERANCE
    assert agent.counters["vllm/restored"] >= 1


async def test_completions_give_the_same_turn(agent: VllmAgent) -> None:
    """A server that has completions alone samples the same tokens from the same ids."""
    await agent.start()
    context = Context("s", [user("x")], (), list(range(20, 60)), "", seed=5)
    one = await agent.act(context)
    fleet = agent._fleet
    for server, traits in fleet.traits.items():
        fleet.traits[server] = type(traits)(traits.model, traits.max_context, CompletionsProtocol())
    two = await agent.act(context)
    assert one.ids == two.ids
    assert one.logprobs == pytest.approx(two.logprobs, abs=1e-4)
