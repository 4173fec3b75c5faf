"""GHPO: escalating shares of the hints, in view of sampler and loss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.messages import Message
from envgym.trainers.collection.samples import Sample
from envgym.trainers.guidance import Ghpo, Guide
from envgym.trainers.guidance.reroll import guiding_message
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.run import train
from envgym.trajectory import Span
from tests.trainers.guidance.world import HINTS, Game, parts
from tests.trainers.helpers import episode
from tests.trainers.test_run import config, metrics


async def test_shares_escalate_until_a_member_succeeds() -> None:
    """Four hints: one, two, three of them."""
    game = Game()
    result = await Ghpo(cold_start=0).play(game.starts(1, 2, 9 - 1), game.player)
    assert parts(result.episodes[6::2]) == [
        ("0.0.1", "guided", "ghpo:1", 1.0),
        ("0.0.2", "guided", "ghpo:1", 0.0),
        ("0.0.8", "guided", "ghpo:1", 0.0),
        ("0.0.2", "guided", "ghpo:2", 1.0),
        ("0.0.8", "guided", "ghpo:2", 0.0),
        ("0.0.8", "guided", "ghpo:3", 0.0),
    ]
    assert game.agent.seen[-1] == ("Hint: not 'x'.", *HINTS[:2])


async def test_a_cold_start_is_without_hints() -> None:
    game = Game()
    game.player.step = 19
    assert len((await Ghpo().play(game.starts(3), game.player)).episodes) == 2
    game.player.step = 20
    assert len((await Ghpo().play(game.starts(3), game.player)).episodes) > 2


@given(st.integers(0, 12), st.lists(st.floats(0.01, 1), min_size=1, max_size=4))
def test_levels_differ_and_show_a_hint_each(count: int, shares: Sequence[float]) -> None:
    hints = [f"{i}" for i in range(count)]
    levels = Ghpo(cold_start=0, shares=tuple(sorted(shares))).levels(hints, 0)
    sizes = [len(level) for level in levels]
    assert sizes == sorted(set(sizes))
    assert 0 not in sizes
    assert all(list(level) == hints[: len(level)] for level in levels)
    assert Ghpo(cold_start=1).levels(hints, 0) == []


def test_shown_hints_stay_in_both_contexts_and_carry_no_gradient() -> None:
    made = episode([([1, 2], [3, 4])])
    made.turns[0].context.append(Span("shown", [9, 8]))
    [row] = train_rows([Sample(made, made.trajectory)], [1.0])
    assert row.row.ids.tolist() == [1, 2, 9, 8, 3, 4]
    assert row.row.mask.tolist() == [False] * 4 + [True] * 2
    assert not row.guided.any()


@pytest.mark.parametrize(("vanish", "kind"), [(True, "hint"), (False, "shown")])
def test_hints_vanish_or_are_shown(vanish: bool, kind: str) -> None:
    made = guiding_message(["a", "b"], vanish)
    assert (made.content, made.kind) == ("a\nb", kind)
    assert isinstance(made, Message)


def test_vanishing_shares_need_a_loss_for_them(tmp_path: Path) -> None:
    config(tmp_path, "a", "guidance=ghpo", "losses=[clip]")
    with pytest.raises(UsageError, match="take loss guide"):
        config(tmp_path, "a", "guidance={name: ghpo, vanish: true}", "losses=[clip]")


async def test_sampler_and_loss_see_the_same_context(tmp_path: Path) -> None:
    settings = ("guidance={name: ghpo, cold_start: 0}", "losses=[clip, {name: kl, coef: 0.01}]")
    await train(config(tmp_path, "a", *settings, "learner.steps=1"))
    [row] = metrics(tmp_path / "a")
    assert row["role/guided"] > 0
    assert row["learn/logp_gap"] < 1e-4


@pytest.mark.parametrize("method", [Ghpo(cold_start=0), Guide(most_levels=3)])
def test_no_hints_no_levels(method: Ghpo | Guide) -> None:
    assert method.levels([], 0) == []
