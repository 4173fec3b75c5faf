"""Agent-RLVR: retries of failed attempts with feedback; those that succeed are demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from envgym.errors import UsageError
from envgym.trainers.collection.samples import as_groups, of_policy
from envgym.trainers.guidance import AgentRlvr
from envgym.trainers.loop import Trainer
from tests.trainers.guidance.world import Game, Vault, parts
from tests.trainers.test_run import config

SFT = "losses=[clip, {name: sft, coef: 0.1}]"


async def test_failed_attempts_are_retried_with_feedback_on_each() -> None:
    game = Game()
    result = await AgentRlvr().play(game.starts(0, 2, 3), game.player)
    assert parts(result.episodes[6:]) == [
        *[("0.0.2", "demonstration", "agent_rlvr", 1.0)] * 2,
        *[("0.0.3", "failed_retry", "agent_rlvr", 0.0)] * 2,
    ]
    assert game.agent.seen[-1] == ("Hint: not 'x'.", "Hint: it is a word.")
    assert of_policy(as_groups(result.episodes)) == as_groups(result.episodes[:6])


async def test_a_group_with_a_success_costs_nothing_more() -> None:
    game = Game()
    await AgentRlvr().play(game.starts(0, 0), game.player)
    assert game.agent.acts == 4


async def test_without_hints_nothing_is_retried() -> None:
    class Silent(Vault):
        def hints(self, attempt: Any = None) -> Sequence[str]:
            return ("",)

    game = Game(Silent)
    assert len((await AgentRlvr().play(game.starts(3), game.player)).episodes) == 2


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("losses=[clip]",), "no loss trains its demonstration episodes: add {name: sft}"),
        ((SFT, "rollout.dynamic_rounds=2"), "set rollout.dynamic_rounds to 1"),
    ],
)
def test_what_would_lose_the_demonstrations_is_refused(
    tmp_path: Path, overrides: Sequence[str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, "a", "guidance=agent_rlvr", *overrides)


async def test_a_run_imitates_solved_retries_alone(tmp_path: Path) -> None:
    """With retries that need no score to count, and with retries that cannot reach it."""
    idle = "learner.max_idle_steps=9"
    told = {}
    for name, score in (("a", 1e-9), ("b", 1.0)):
        guidance = f"guidance={{name: agent_rlvr, min_score: {score}}}"
        trainer = Trainer(config(tmp_path, name, guidance, SFT, idle))
        play = trainer.collector.player.play

        async def solved(starts: Any, play: Any = play) -> Any:
            result = await play(starts)
            for episode in result.episodes:
                episode.score = 0.5 if episode.guided_by else 0.0
            return result

        trainer.collector.player.play = solved  # type: ignore[method-assign]
        try:
            told[name], episodes = await trainer.step()
        finally:
            await trainer.close()
        assert len(episodes) == 12  # recorded, trained on or not
    assert told["a"]["role/demonstration"] == told["b"]["role/failed_retry"] == 0.5
    assert told["a"]["learn/nll"] > 0
    assert "learn/nll" not in told["b"]
    assert told["a"]["score"] == told["b"]["score"] == 0.0
