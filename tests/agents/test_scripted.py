from __future__ import annotations

from typing import Any

from envgym.agent import Context
from envgym.agents import ScriptedAgent
from envgym.env import Env
from envgym.messages import Action
from envgym.rollout.runner import Rollout, Start, run_episode
from envgym.stop_reason import StopReason

Game = type[Env[Any]]


async def test_every_session_plays_the_list_from_its_start(guess: Game) -> None:
    agent = ScriptedAgent([Action.call("look", where="left"), Action.call("guess", number=3)])
    result = await Rollout(guess).run([Start(seed) for seed in range(20)], agent)
    assert {e.stop_reason for e in result.episodes} == {StopReason.ANSWERED}
    assert [e.score for e in result.episodes] == [
        float(e.task.hidden["n"] == 3) for e in result.episodes
    ]
    assert {0.0, 1.0} == {e.score for e in result.episodes}


async def test_a_session_starts_over_with_its_next_episode(guess: Game) -> None:
    agent = ScriptedAgent([Action.call("guess", number=3)])
    for _ in range(2):
        episode = await run_episode(guess(), agent, Start(0))
        assert episode.fault is None


async def test_a_list_that_ends_too_soon_is_a_fault(guess: Game) -> None:
    episode = await run_episode(guess(), ScriptedAgent([Action("hm")]), Start(0))
    assert episode.fault is not None
    assert episode.fault.startswith("model: the script has 1 moves")


async def test_functions_plain_and_async(guess: Game) -> None:
    def play(context: Context) -> Action | str:
        if len(context.messages) == 1:
            return "Let me think."
        return Action.call("guess", number=5)

    async def play_async(context: Context) -> Action | str:
        return play(context)

    for script in (play, play_async):
        episode = await run_episode(guess(), ScriptedAgent(script), Start(0))
        assert [t.text for t in episode.turns] == ["Let me think.", ""]
        assert episode.stop_reason is StopReason.ANSWERED
