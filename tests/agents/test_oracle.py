from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from envgym.agent import Context
from envgym.agents import OracleAgent
from envgym.agents.tiny import train_tokenizer
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.errors import Fault, UsageError
from envgym.messages import Action
from envgym.rollout.runner import Rollout, Start, run_episode
from envgym.stop_reason import StopReason

Game = type[Env[Any]]


async def test_solves_every_task(guess: Game) -> None:
    rollout = Rollout(guess)
    result = await rollout.run([Start(seed) for seed in range(30)], OracleAgent())
    await rollout.close()
    assert [e.score for e in result.episodes] == [1.0] * 30
    assert {len(e.turns) for e in result.episodes} == {2}


async def test_an_exhausted_oracle_is_a_fault_of_the_agent(guess: Game) -> None:
    class Lazy(guess):  # type: ignore[misc, valid-type]
        async def oracle(self) -> AsyncIterator[Action]:
            yield Action.call("look", where="left")

    episode = await run_episode(Lazy(), OracleAgent(), Start(0))
    assert episode.stop_reason is StopReason.FAULT
    assert episode.fault is not None
    assert episode.fault.startswith("model: the oracle of lazy-v0 has no further action")


async def test_a_broken_oracle_is_a_fault_of_the_environment(guess: Game) -> None:
    class Broken(guess):  # type: ignore[misc, valid-type]
        async def oracle(self) -> AsyncIterator[Action]:
            yield Action.call("look", where="left")
            raise KeyError("n")

    episode = await run_episode(Broken(), OracleAgent(), Start(0))
    assert episode.fault is not None
    assert episode.fault.startswith("env: the oracle of broken-v0 raised KeyError")


async def test_an_environment_without_an_oracle_says_what_to_write() -> None:
    with pytest.raises(UsageError, match=r"define oracle\(\)"):
        await OracleAgent().begin("s", Env())


async def test_the_generator_is_closed_at_the_end_of_the_episode(guess: Game) -> None:
    closed: list[str] = []

    class Tidy(guess):  # type: ignore[misc, valid-type]
        async def oracle(self) -> AsyncIterator[Action]:
            try:
                while True:
                    yield Action.call("guess", number=-1)
            finally:
                closed.append("yes")

    agent = OracleAgent()
    await run_episode(Tidy(), agent, Start(0))
    assert closed == ["yes"]
    with pytest.raises(UsageError, match="begin"):
        await agent.act(Context("0/0/agent", [], []))
    await agent.end("0/0/agent")


async def test_seats_share_one_oracle(guess: Game) -> None:
    env = guess()
    await env.reset(seed=1)
    agent = OracleAgent()
    await agent.begin("e/writer", env)
    await agent.begin("e/critic", env)
    first = await agent.act(Context("e/writer", [], []))
    second = await agent.act(Context("e/critic", [], []))
    names = [c.action.tool_calls[0].name for c in (first, second) if c.action]
    assert names == ["look", "guess"]
    await agent.end("e/writer")
    with pytest.raises(Fault):
        await agent.act(Context("e/critic", [], []))
    await agent.close()
    await agent.close()


async def test_with_a_chat_its_actions_are_demonstrations_in_ids(guess: Game) -> None:
    chat = Chat(train_tokenizer(["guess the number, look left"], 300))
    episode = await run_episode(guess(), OracleAgent(chat), Start(0))
    assert episode.score == 1.0
    for turn in episode.turns:
        assert turn.action[-1] == chat.end_id
        assert turn.logprobs == []
        assert len(chat.dialect.parse(chat.decode(turn.action), guess.tools).tool_calls) == 1
