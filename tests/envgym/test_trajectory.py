"""Rows from turns: every action token once, credit by turn, hints dropped, rewritten history."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from envgym.stop_reason import StopReason
from envgym.task import Task
from envgym.trajectory import KINDS, Episode, Span, Trajectory, Turn, rows

tokens = st.lists(st.integers(0, 99), max_size=5)
actions = st.lists(st.integers(0, 99), min_size=1, max_size=5)
spans = st.lists(
    st.builds(Span, st.sampled_from([kind for kind in KINDS if kind != "action"]), tokens),
    max_size=4,
)


@st.composite
def trajectories(draw: st.DrawFn) -> Trajectory:
    turns = []
    for index in range(draw(st.integers(1, 5))):
        action = draw(actions)
        logprobs = draw(st.sampled_from([[], [-0.5 * i for i in range(len(action))]]))
        restart = index > 0 and draw(st.booleans())
        versions = [index] * len(action)
        turns.append(Turn(draw(spans), action, logprobs, versions, restart, reward=float(index)))
    return Trajectory(turns=turns)


@given(trajectories(), st.sampled_from([(), ("hint",), ("hint", "tool")]))
def test_each_action_token_stands_in_one_row(trajectory: Trajectory, drop: tuple[str, ...]) -> None:
    compiled = rows(trajectory, drop)  # type: ignore[arg-type]
    for index, turn in enumerate(trajectory.turns):
        places = [(row, row.turn == index) for row in compiled if (row.turn == index).any()]
        assert len(places) == 1
        row, where = places[0]
        assert row.ids[where].tolist() == turn.action
        assert row.mask[where].all()
        assert (row.versions[where] == index).all()
        want = turn.logprobs or [np.nan] * len(turn.action)
        np.testing.assert_array_equal(row.logprobs[where], np.float32(want))
    assert sum(int(row.mask.sum()) for row in compiled) == trajectory.action_tokens
    assert not any((row.mask & (row.kinds != KINDS.index("action"))).any() for row in compiled)
    for kind in drop:
        assert not any((row.kinds == KINDS.index(kind)).any() for row in compiled)
    for row in compiled:
        assert (row.turn[~row.mask] == -1).all()
        assert (row.versions[~row.mask] == -1).all()
        assert (row.logprobs[~row.mask] == 0).all()


@given(trajectories())
def test_without_restarts_there_is_one_row_in_order(trajectory: Trajectory) -> None:
    for turn in trajectory.turns:
        turn.restart = False
    [row] = rows(trajectory)
    flat = [i for turn in trajectory.turns for i in [*turn.context_ids, *turn.action]]
    assert row.ids.tolist() == flat
    assert len(row) == len(flat)


@given(trajectories(), st.randoms(use_true_random=False))
def test_the_whole_history_again_begins_no_row(trajectory: Trajectory, chance: Random) -> None:
    """However its ids are cut into spans: what a server that keeps no state is sent each turn."""
    for turn in trajectory.turns:
        turn.restart = False
    [row] = rows(trajectory)
    history: list[int] = []
    for turn in trajectory.turns:
        new, turn.context, turn.restart = turn.context, [], True
        while history:
            cut = chance.randint(1, len(history))
            turn.context.append(Span("user", history[:cut]))
            history = history[cut:]
        turn.context += new
        history = [*turn.context_ids, *turn.action]
    [again] = rows(trajectory)
    for name in ("ids", "mask", "turn", "logprobs", "versions", "kinds"):
        np.testing.assert_array_equal(getattr(again, name), getattr(row, name))


@given(trajectories())
def test_a_row_holds_what_was_seen_before_each_action(trajectory: Trajectory) -> None:
    seen: list[int] = []
    before: list[list[int]] = []
    for turn in trajectory.turns:
        seen = [*([] if turn.restart else seen), *turn.context_ids]
        before.append(seen)
        seen = [*seen, *turn.action]
    for row in rows(trajectory):
        for index in set(row.turn[row.mask].tolist()):
            first = int((row.turn == index).argmax())
            assert row.ids[:first].tolist() == before[index]


def test_dtypes() -> None:
    [row] = rows(Trajectory(turns=[Turn([Span("user", [1])], [2])]))
    assert [a.dtype for a in (row.ids, row.turn, row.logprobs, row.versions, row.kinds)] == [
        np.int64,
        np.int32,
        np.float32,
        np.int32,
        np.uint8,
    ]
    assert row.mask.tolist() == [False, True]


def test_a_full_context_that_extends_the_row_stays_in_it() -> None:
    first = Turn([Span("user", [1, 2])], [3, 4])
    again = Turn([Span("user", [1, 2, 3, 4, 5]), Span("tool", [6])], [7], restart=True)
    [row] = rows(Trajectory(turns=[first, again]))
    assert row.ids.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert row.turn.tolist() == [-1, -1, 0, 0, -1, -1, 1]


def test_a_rewritten_history_begins_a_row() -> None:
    first = Turn([Span("user", [1, 2])], [3, 4])
    again = Turn([Span("user", [1, 2]), Span("tool", [9])], [7], restart=True)
    assert [r.ids.tolist() for r in rows(Trajectory(turns=[first, again]))] == [
        [1, 2, 3, 4],
        [1, 2, 9, 7],
    ]


def test_dropping_hints_changes_the_context_alone() -> None:
    turns = [
        Turn([Span("user", [1]), Span("hint", [50, 51])], [2, 3], [-1.0, -2.0], [4, 4]),
        Turn([Span("tool", [5])], [6], [-3.0], [4]),
    ]
    [behaviour], [target] = rows(Trajectory(turns=turns)), rows(Trajectory(turns=turns), {"hint"})
    assert behaviour.ids.tolist() == [1, 50, 51, 2, 3, 5, 6]
    assert target.ids.tolist() == [1, 2, 3, 5, 6]
    for name in ("ids", "turn", "logprobs", "versions"):
        a, b = getattr(behaviour, name), getattr(target, name)
        assert a[behaviour.mask].tolist() == b[target.mask].tolist()


def test_no_turns_no_rows() -> None:
    assert rows(Trajectory()) == []


def test_an_episode_knows_its_trajectory() -> None:
    seat = Trajectory("a", [Turn([], [1], reward=0.5), Turn([], [2, 3], reward=0.25)])
    episode = Episode("e", "x-v0", Task({}), 0, trajectories={"a": seat})
    assert (episode.reward, episode.turns, episode.trajectory) == (0.75, seat.turns, seat)
    assert seat.action_tokens == 3
    assert episode.stop_reason is StopReason.FAULT
