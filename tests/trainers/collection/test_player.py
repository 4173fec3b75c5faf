"""Player: questions to agents outside episodes, and hints before any attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from envgym.agent import Agent, Completion, Context
from envgym.errors import Fault, UsageError
from envgym.messages import user
from envgym.rollout.runner import Rollout, Start
from envgym.trainers.collection.player import Player, sampled_tokens
from tests.trainers.guidance.world import HINTS, Game, Vault
from tests.trainers.helpers import episode


class Judge(Agent):
    """An agent that answers by a function of the last message."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.answer = answer
        self.open: set[str] = set()
        self.callers = 0
        self.seeds: list[int] = []

    def join(self, callers: int) -> None:
        self.callers += callers

    def leave(self) -> None:
        self.callers -= 1

    async def act(self, context: Context) -> Completion:
        self.open.add(context.session)
        self.seeds.append(context.seed)
        return Completion(text=self.answer(context.messages[-1].content))

    async def end(self, session: str) -> None:
        self.open.discard(session)


class Sampling(Agent):
    """An agent that samples three tokens an action."""

    chat = None

    async def act(self, context: Context) -> Completion:
        return Completion(ids=[1, 2, 3], logprobs=[-0.5] * 3, text="hm")


def refuse(text: str) -> str:
    raise Fault("no server", "budget" if text == "money" else "infra")


async def test_answers_come_without_reasoning_and_sessions_end() -> None:
    judge = Judge(lambda text: f"<think>\nhm\n</think>\n\n{text}!\n")
    player = Player(Rollout(Vault), judge, judges={"mine": judge})
    found = await player.ask(player.judge("mine"), {"a": [user("A")], "b": [user("B")]})
    assert found == {"a": "A!", "b": "B!"}
    assert not judge.open
    assert judge.callers == 0
    first = judge.seeds
    judge.seeds = []
    await player.ask(judge, {"a": [user("A")], "b": [user("B")]})
    assert judge.seeds == first
    assert len(set(first)) == 2


async def test_a_judge_that_is_down_has_no_answer_and_a_spent_budget_stops() -> None:
    judge = Judge(lambda text: text if text == "A" else refuse(text))
    player = Player(Rollout(Vault), judge)
    assert await player.ask(judge, {"a": [user("A")], "b": [user("B")]}) == {"a": "A"}
    with pytest.raises(Fault, match="no server"):
        await player.ask(judge, {"a": [user("A")], "b": [user("money")]})
    assert judge.callers == 0


def test_an_unknown_judge_is_named() -> None:
    game = Game()
    with pytest.raises(UsageError, match=r"no judge 'mine': add it to the recipe's judges"):
        game.player.judge("mine")
    assert game.player.policy is game.agent


async def test_hints_are_asked_for_before_any_attempt() -> None:
    game = Game()
    assert await game.player.hints(game.starts(3)[0]) == HINTS


def test_sampled_tokens_of_all_seats_count_once() -> None:
    first, second = (episode([([1], [2, 3]), ([4], [5])]) for _ in range(2))
    first.trajectories["other"] = second.trajectory
    copy = replace(first, id="e:plain", role="demonstration")
    assert sampled_tokens([first]) == 6
    assert sampled_tokens([first, copy]) == 6


async def test_the_policys_tokens_count_in_episodes_and_in_answers() -> None:
    policy, judge = Sampling(), Sampling()
    player = Player(Rollout(Vault), policy, judges={"mine": judge})
    result = await player.play([Start(0, group="g")])
    played = player.sampled_tokens
    assert played == sampled_tokens(result.episodes) > 0
    await player.ask(judge, {"a": [user("A")]})
    assert player.sampled_tokens == played
    await player.ask(policy, {"a": [user("A")], "b": [user("B")]})
    assert player.sampled_tokens == played + 6
    streamed = [e async for group in player.stream([[Start(0, group="s")]]) for e in group]
    assert player.sampled_tokens == played + 6 + sampled_tokens(streamed)
