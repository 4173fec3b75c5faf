"""PrefixRL: failed groups start from the beginning of an earlier success."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.messages import Action
from envgym.trainers.collection.samples import Sample, as_groups, of_policy
from envgym.trainers.guidance import PrefixRl
from envgym.trainers.loop import Trainer
from envgym.trajectory import KINDS, Episode
from tests.trainers.guidance.world import Game
from tests.trainers.helpers import episode
from tests.trainers.test_run import config


def success(*lengths: int) -> Episode:
    """A solved episode with actions of these lengths."""
    tokens = iter(range(10**6))
    made = episode([([1], [next(tokens) for _ in range(n)]) for n in lengths], score=1.0)
    for number, turn in enumerate(made.turns):
        turn.taken = Action(f"{number}")
    return made


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5).filter(lambda n: sum(n) > 1))
def test_a_prefix_is_a_share_of_the_tokens(lengths: list[int]) -> None:
    made = success(*lengths)
    method = PrefixRl(low=0.5, high=0.5)
    method._keep(made)
    prefix = method._prefix(made.task.key, 0)
    actions = [int(action.text) for action in prefix["prefix_actions"]]
    given_tokens = sum(lengths[number] for number in actions) + len(prefix["prefix"])
    assert given_tokens == max(1, sum(lengths) // 2)
    assert actions == list(range(len(actions)))
    assert list(prefix["prefix"]) == made.turns[len(actions)].action[: len(prefix["prefix"])]
    assert prefix == method._prefix(made.task.key, 0)  # cuts are drawn once


def test_failures_and_guided_successes_are_not_kept() -> None:
    method = PrefixRl()
    for change in ({"score": 0.5}, {"role": "guided"}, {"role": "prefixed"}):
        made = success(2, 2)
        for name, value in change.items():
            setattr(made, name, value)
        method._keep(made)
    method._keep(success(1))  # nothing to sample behind its only token
    assert method.state() == {"successes": {}}


def test_the_newest_successes_are_kept() -> None:
    method = PrefixRl(capacity=2)
    for number in (1, 2, 3, 2):
        made = success(number, 2)
        made.task = type(made.task)({"number": number})
        made.seed = number
        method._keep(made)
    assert [row["seed"] for row in method.state()["successes"].values()] == [3, 2]
    again = PrefixRl()
    again.load(json.loads(json.dumps(method.state())))
    assert again.state() == method.state()


async def test_without_a_success_nothing_is_played_again() -> None:
    game = Game()
    result = await PrefixRl().play(game.starts(0, 3), game.player)
    assert (game.agent.acts, len(result.episodes)) == (4, 4)


def test_bounds_out_of_order_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"low 0.9 is above high 0.8: set low to 0.8 or less"):
        config(tmp_path, "a", "guidance={name: prefix_rl, low: 0.9}")
    losses = "losses=[{name: clip, roles: [policy]}]"
    with pytest.raises(UsageError, match="add prefixed to the roles"):
        config(tmp_path, "a", "guidance=prefix_rl", losses)


async def test_prefixed_episodes_begin_with_the_successs_own_tokens(tmp_path: Path) -> None:
    """The tokens given are context, equal to those recorded; what follows is sampled."""
    trainer = Trainer(config(tmp_path, "a", "guidance={name: prefix_rl, cuts: 2}"))
    method: Any = trainer.config.guidance
    player = trainer.collector.player
    try:
        starts = trainer.collector.starts(1, 0)
        [shown] = (await player.demonstrate(starts[:1])).episodes
        method._keep(shown)
        result = await method.play(starts, player)
    finally:
        await trainer.close()
    groups = as_groups(result.episodes)
    assert [group[0].episode.guided_by for group in groups] == ["", "prefix_rl:1", "prefix_rl:2"]
    assert [len(group) for group in groups] == [3, 3, 3]
    assert of_policy(groups) == groups[:1]
    recorded = Sample(shown, shown.trajectory).rows[0]
    for sample in groups[1] + groups[2]:
        row = sample.rows[0]
        assert sample.role == "prefixed"
        prefix = np.flatnonzero(row.kinds == KINDS.index("prefix"))
        assert len(prefix) >= 0.3 * recorded.mask.sum()
        assert np.array_equal(row.ids[: prefix[-1] + 1], recorded.ids[: prefix[-1] + 1])
        assert not row.mask[: prefix[-1] + 1].any()
        assert row.mask.any()


async def test_the_oracle_plays_the_success_of_a_task_that_has_none(tmp_path: Path) -> None:
    trainer = Trainer(config(tmp_path, "a", "guidance={name: prefix_rl, oracle: true}"))
    method: Any = trainer.config.guidance
    try:
        starts = trainer.collector.starts(2, 0)
        result = await method.play(starts, trainer.collector.player)
    finally:
        await trainer.close()
    failed = {e.task.key for e in result.episodes if e.role == "policy" and not e.score}
    assert failed  # nothing is learnt yet
    assert set(method.state()["successes"]) >= failed
    assert {e.task.key for e in result.episodes if e.role == "prefixed"} == failed
    assert not any(e.role == "demonstration" for e in result.episodes)
