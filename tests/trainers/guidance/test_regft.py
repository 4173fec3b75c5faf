"""ReGFT: hinted solutions of hard tasks are demonstrations, beside the group's plain ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envgym.agent import Completion, Context
from envgym.errors import UsageError
from envgym.trainers.collection.samples import as_groups, of_policy
from envgym.trainers.guidance import Regft
from envgym.trainers.loop import Trainer
from tests.trainers.guidance.world import HINTS, Game, Hinted, parts
from tests.trainers.test_run import config

SFT = "losses=[clip, {name: sft, coef: 0.1}]"


class Lucky(Hinted):
    """Opens its first door by chance."""

    async def act(self, context: Context) -> Completion:
        said = await super().act(context)
        return Completion(text="hello") if self.acts == 1 else said


async def test_hard_groups_are_played_again_with_most_of_the_hints() -> None:
    """Four hints: ⌈0.8 · 4⌉ = 4 of them, the first on the attempt."""
    game = Game()
    result = await Regft().play(game.starts(0, 2, 9 - 1), game.player)
    assert parts(result.episodes[6:]) == [
        *[("0.0.2", "demonstration", "regft", 1.0)] * 2,
        *[("0.0.8", "failed_retry", "regft", 0.0)] * 2,
    ]
    assert game.agent.seen[-1] == ("Hint: not 'x'.", *HINTS)
    assert of_policy(as_groups(result.episodes)) == as_groups(result.episodes[:6])


async def test_the_share_rounds_up() -> None:
    game = Game()
    await Regft(share=0.3).play(game.starts(8), game.player)
    assert game.agent.seen[-1] == ("Hint: not 'x'.", HINTS[0])


async def test_plain_successes_of_hard_groups_are_demonstrations_too() -> None:
    """One of five: a mean of 0.2; one of four would be 0.25, not below it."""
    game = Game()
    game.player.agents = Lucky()
    result = await Regft().play(game.starts(8, members=5), game.player)
    [copy] = [e for e in result.episodes if e.guided_by == "regft:plain"]
    assert (copy.role, copy.score, copy.trajectories) == (
        "demonstration",
        1.0,
        result.episodes[0].trajectories,
    )
    assert result.episodes[0].role == "policy"
    assert len({e.id for e in result.episodes}) == len(result.episodes) == 11
    game.player.agents = Lucky()
    assert len((await Regft().play(game.starts(8, members=4), game.player)).episodes) == 4


async def test_it_stops_after_its_steps() -> None:
    game = Game()
    game.player.step = 4
    assert len((await Regft(until_step=5).play(game.starts(2), game.player)).episodes) == 4
    game.player.step = 5
    assert len((await Regft(until_step=5).play(game.starts(2), game.player)).episodes) == 2


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("losses=[clip]",), "no loss trains its demonstration episodes: add {name: sft}"),
        ((SFT, "rollout.dynamic_rounds=2"), "set rollout.dynamic_rounds to 1"),
    ],
)
def test_conflicts(tmp_path: Path, overrides: Sequence[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, "a", "guidance=regft", *overrides)


async def test_a_run_imitates_without_the_hints(tmp_path: Path) -> None:
    """Every retry counts as solved; its rows are those of the plain task."""
    trainer = Trainer(
        config(tmp_path, "a", "guidance={name: regft, until_step: 1}", SFT, "losses.1.coef=1.0")
    )
    play = trainer.collector.player.play

    async def solved(starts: Any) -> Any:
        result = await play(starts)
        for episode in result.episodes:
            episode.score = float(bool(episode.guided_by))
        return result

    trainer.collector.player.play = solved  # type: ignore[method-assign]
    try:
        groups, _ = await trainer.collect()
        told, _ = await trainer.step()
        trainer.config.learner.max_idle_steps = 9
        later, _ = await trainer.step()
    finally:
        await trainer.close()
    plain, shown = groups[:2]
    assert (plain[0].role, shown[0].role) == ("policy", "demonstration")
    first = int(plain[0].rows[0].mask.argmax())
    assert np.array_equal(shown[0].rows[0].ids[:first], plain[0].rows[0].ids[:first])
    assert shown[0].rows[0].mask.argmax() == first
    assert any(span.kind == "hint" for span in shown[0].trajectory.turns[0].context)
    assert told["learn/nll"] > 0
    assert told["role/demonstration"] == 0.5
    assert "role/demonstration" not in later
