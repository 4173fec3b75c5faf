"""The engine as an agent: whole episodes with a tiny model and its own tokenizer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from envgym.agents.local import LocalAgent, SamplingParams
from envgym.agents.local.agent import stop_on
from envgym.agents.tiny import TinyConfig, build_model, train_tokenizer
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.rollout.runner import Limits, Rollout, RolloutResult, Start
from envgym.stop_reason import StopReason
from envgym.trajectory import rows

Game = type[Env[Any]]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(["guess the number, look left. <tool_call> </tool_call>"] * 3, 320)


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> PreTrainedModel:
    config = TinyConfig(hidden=32, intermediate=48, heads=2, kv_heads=1, context=1024)
    return build_model(config, tokenizer, seed=0).eval()


@pytest.fixture
async def agent(model: PreTrainedModel, tokenizer: Any) -> AsyncIterator[LocalAgent]:
    agent = LocalAgent(model, Chat(tokenizer), SamplingParams(max_tokens=12))
    yield agent
    await agent.close()


async def play(guess: Game, agent: LocalAgent, concurrency: int = 64) -> RolloutResult:
    starts = [Start(g, group=f"g{g}", member=m) for g in range(3) for m in range(4)]
    rollout = Rollout(lambda: guess(max_turns=3), Limits(concurrency=concurrency))
    result = await rollout.run(starts, agent)
    await rollout.close()
    return result


async def test_recorded_logprobs_are_those_of_a_full_forward(
    guess: Game, agent: LocalAgent, model: PreTrainedModel
) -> None:
    result = await play(guess, agent)
    assert len(result.episodes) == 12
    for episode in result.episodes:
        assert episode.stop_reason is StopReason.MAX_TURNS
        for row in rows(episode.trajectory):
            with torch.no_grad():
                logits = model(torch.from_numpy(row.ids)[None]).logits[0, :-1].float()
            every = torch.log_softmax(logits, -1)
            found = every.gather(1, torch.from_numpy(row.ids)[1:, None])[:, 0]
            mask = torch.from_numpy(row.mask)[1:]
            recorded = torch.from_numpy(row.logprobs)[1:]
            torch.testing.assert_close(recorded[mask], found[mask], atol=1e-4, rtol=0)


async def test_one_at_a_time_gives_the_same_episodes(guess: Game, agent: LocalAgent) -> None:
    together = (await play(guess, agent)).episodes
    alone = (await play(guess, agent, concurrency=1)).episodes
    assert [[t.action for t in e.turns] for e in together] == [
        [t.action for t in e.turns] for e in alone
    ]
    assert len({tuple(e.turns[0].action) for e in together}) == 12, "members sample apart"


async def test_a_group_shares_its_prompt_and_turns_reuse_theirs(
    guess: Game, agent: LocalAgent
) -> None:
    result = await play(guess, agent)
    first = [len(e.turns[0].context_ids) for e in result.episodes]
    assert agent.engine.stats.shared_tokens == sum(n - 1 for n in first) * 3 // 4
    assert agent.engine.stats.prefilled_tokens < sum(first)


async def test_a_full_context_ends_the_episode(
    guess: Game, model: PreTrainedModel, tokenizer: Any
) -> None:
    agent = LocalAgent(model, Chat(tokenizer), SamplingParams(max_tokens=12), max_context=64)
    result = await play(guess, agent)
    await agent.close()
    assert {e.stop_reason for e in result.episodes} == {StopReason.MAX_TOKENS}


def test_stop_strings_end_on_the_token_that_completes_them(tokenizer: Any) -> None:
    stopped = stop_on(("</tool_call>", "done!"), tokenizer)
    for text, expected in [
        ("<tool_call>x</tool_call>", True),
        ("all done!", True),
        ("<tool_call>x", False),
        ("5 > 3", False),
        ("no!", False),
    ]:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert stopped(ids) is expected, text
        assert not any(stopped(ids[:n]) for n in range(1, len(ids)))
