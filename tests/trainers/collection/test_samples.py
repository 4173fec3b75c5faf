from __future__ import annotations

import numpy as np
import pytest

from envgym.trainers.advantages import Grpo
from envgym.trainers.collection.samples import Sample, differs
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.losses.base import token_weights
from envgym.trajectory import Span
from tests.trainers.helpers import episode


def sample(*turns: tuple[list[int], list[int]], restart: tuple[int, ...] = ()) -> Sample:
    made = episode(list(turns), restart=restart)
    return Sample(made, made.trajectory)


def test_weights_and_advantages_stand_on_action_tokens_only() -> None:
    one = sample(([1, 2], [3]), ([4], [5, 6]))
    one.advantages = [np.array([0.5], np.float32), np.array([1.0, 2.0], np.float32)]
    (row,) = train_rows([one], [0.1])
    assert row.advantage.tolist() == [0, 0, 0.5, 0, 1.0, 2.0]
    assert row.weight == pytest.approx([0, 0, 0.1, 0, 0.1, 0.1])


def test_splitting_into_rows_changes_no_weight() -> None:
    whole = sample(([1, 2], [3]), ([4], [5, 6]))
    cut = sample(([1, 2], [3]), ([9, 9, 4], [5, 6]), restart=(1,))
    for one in (whole, cut):
        one.set_advantage(2.0)
    weights = token_weights([whole, cut], "token", 1.0)
    rows = train_rows([whole, cut], weights)
    assert [r.sample for r in rows] == [0, 1, 1]
    assert rows[0].weight.sum() == pytest.approx(rows[1].weight.sum() + rows[2].weight.sum())
    assert [float(a) for r in rows for a in r.advantage if a] == [2.0] * 6


def test_context_between_actions_changes_no_advantage() -> None:
    short, long = sample(([1], [2]), ([3], [4])), sample(([1], [2]), ([3] * 50, [4]))
    for one in (short, long):
        one.set_advantage(1.5)
    rows = train_rows([short, long], [1.0, 1.0])
    assert (
        rows[0].advantage[rows[0].row.mask].tolist() == rows[1].advantage[rows[1].row.mask].tolist()
    )


def test_hints_are_not_in_the_target_context() -> None:
    one = sample(([1, 2], [3]))
    one.trajectory.turns[0].context.append(Span("hint", [7, 7]))
    one.set_advantage(1.0)
    (row,) = train_rows([one], [1.0])
    assert row.row.ids.tolist() == [1, 2, 3]


def test_target_logprobs_are_recorded_where_a_hint_vanished() -> None:
    """Kept hints, no hints and no log-probs leave nothing to record."""
    parts = [np.array([-0.5], np.float32), np.array([-1.0, -0.25], np.float32)]
    recorded = []
    for kind, computed in (("hint", True), ("shown", True), ("user", True), ("hint", False)):
        one = sample(([1, 2], [3]), ([4], [5, 6]))
        one.trajectory.turns[0].context.append(Span(kind, [7]))  # type: ignore[arg-type]
        if computed:
            one.prox_logp = parts
        one.record_target_logprobs()
        recorded.append([turn.target_logprobs for turn in one.trajectory.turns])
    assert recorded == [[[-0.5], [-1.0, -0.25]], [[], []], [[], []], [[], []]]


def test_denominators_by_hand() -> None:
    two = [sample(([1], [2])), sample(([1], [2, 3, 4]))]
    assert token_weights(two, "token", 1) == [0.25, 0.25]
    assert token_weights(two, "sequence", 1) == pytest.approx([0.5, 1 / 6])
    assert token_weights(two, "constant", 10) == [0.05, 0.05]


@pytest.mark.parametrize(
    ("rewards", "kept"),
    [
        ((0.1 + 0.2, 0.3), False),
        ((0.3, 0.3), False),
        ((0.0, 0.0), False),
        ((0.0, 1e-6), True),
        ((1.0, 1.0 + 1e-6), True),
        ((-1.0, 1.0), True),
    ],
)
def test_rounding_is_no_difference(rewards: tuple[float, ...], kept: bool) -> None:
    """A group that dynamic sampling keeps has an advantage, another has none."""
    group = []
    for reward in rewards:
        made = episode([([1], [2])], reward=reward, score=reward)
        group.append(Sample(made, made.trajectory, reward))
    assert differs(group, "reward") == differs(group, "score") == kept
    Grpo()([group])
    assert any(a.any() for one in group for a in one.advantages) == kept
