"""Sokoban: its rules, and shortest solutions counted by hand and by plain breadth-first search."""

from __future__ import annotations

from collections import deque

import pytest

import envgym
from envgym import Action, Task
from envgym.environments.puzzles.grid.grid import MOVES
from envgym.environments.puzzles.grid.sokoban_level import (
    Level,
    State,
    draw,
    is_solved,
    moved,
    parse,
)
from envgym.environments.puzzles.grid.sokoban_solver import push_distances, solve
from envgym.errors import UsageError
from envgym.pytest_plugin import envgym_checks
from tests.environments.played import attempted

test_contract = envgym_checks("puzzles/sokoban-v1")

STRAIGHT = "# # # # #\n# @ $ . #\n# # # # #"
# The box has to go up; below it there is room to stand, two steps away.
AROUND = "# # # # #\n# _ . _ #\n# @ $ _ #\n# _ _ _ #\n# # # # #"
# Up and to the side: one push each way, and around the box between them.
CORNER = "# # # # # #\n# _ _ . _ #\n# _ $ _ _ #\n# @ _ _ _ #\n# # # # # #"
STUCK = "# # # # #\n# $ _ . #\n# _ @ _ #\n# # # # #"


@pytest.mark.parametrize(
    ("text", "way"),
    [
        (STRAIGHT, "right"),
        (AROUND, "down right up"),
        (CORNER, "up right down right up"),
        (STUCK, None),
        (STRAIGHT.replace("@ $ .", "@ * _"), ""),
    ],
)
def test_fewest_moves_by_hand(text: str, way: str | None) -> None:
    found = solve(*parse(text))
    assert found == (None if way is None else tuple(way.split()))


def test_pushes_left_by_hand() -> None:
    level, _ = parse(AROUND)
    # a box is pushed along the top wall, or up the middle; off the middle it never leaves its wall
    assert push_distances(level) == {(1, 2): 0, (2, 2): 1}
    level, _ = parse("# # # # # #\n# _ _ _ . #\n# @ _ $ _ #\n# # # # # #")
    assert push_distances(level) == {(1, 4): 0, (1, 3): 1, (1, 2): 2}


def breadth_first(level: Level, start: State) -> int | None:
    queue, seen = deque([(start, 0)]), {start}
    while queue:
        state, depth = queue.popleft()
        if is_solved(level, state):
            return depth
        for move in MOVES:
            after = moved(level, state, move)
            if after is not None and after not in seen:
                seen.add(after)
                queue.append((after, depth + 1))
    return None


@pytest.mark.parametrize(("size", "boxes", "count"), [(6, 1, 15), (6, 2, 6)])
def test_no_way_is_shorter(size: int, boxes: int, count: int) -> None:
    env = envgym.make("puzzles/sokoban-v1", size=size, boxes=boxes)
    for task in env.tasks("train")[:count]:
        level, state = parse(task.data["level"])
        assert draw(level, state) == task.data["level"]
        assert breadth_first(level, state) == task.difficulty
        assert len(task.hidden["solution"].split()) == task.difficulty


def test_a_search_that_takes_too_long_gives_up() -> None:
    level, state = parse(CORNER)
    assert solve(level, state, limit=3) is None


async def test_a_box_is_paid_for_once_and_the_score_is_apart() -> None:
    task = Task({"level": "# # # # # #\n# @ $ . _ #\n# _ _ _ _ #\n# . _ $ _ #\n# # # # # #"})
    async with envgym.make("puzzles/sokoban-v1", boxes=2, box_reward=0.5) as env:
        await env.reset(seed=0, options={"task": task})
        rewards, marks = [], []
        for direction in ("right", "right"):
            step = await env.step(Action.call("move", directions=direction))
            rewards.append(step.reward)
            marks.append(step.observation.text.splitlines()[1])
            assert step.info["anchor"] == step.observation.text
        assert rewards == [0.5, -0.5]
        assert marks == ["# _ @ * _ #", "# _ _ + $ #"]
        assert step.info["score"] == 0.0
        assert step.info["metrics"]["stuck"] == 1.0  # in the corner


async def test_solved_is_one_and_walls_stop() -> None:
    async with envgym.make("puzzles/sokoban-v1", step_penalty=0.25) as env:
        await env.reset(seed=0, options={"task": Task({"level": STRAIGHT})})
        step = await env.step(Action.call("move", directions="up right"))
        assert step.terminated
        assert (step.reward, step.info["score"]) == (0.5, 1.0)
        assert step.info["metrics"] == {"moves": 2, "blocked": 1, "tool_calls": 1, "tool_errors": 0}


async def test_hints_lead_to_the_first_push() -> None:
    task = Task({"level": AROUND}, {"solution": "down right up"}, difficulty=3)
    async with envgym.make("puzzles/sokoban-v1") as env:
        await env.reset(seed=0, options={"task": task})
        assert env.hints()[1:] == (
            "Hint: push the box in row 2, column 2 (from 0, walls counted) first, up from the cell "
            "opposite.",
            'Hint: begin with move(directions="down").',
            'Hint: begin with move(directions="down right").',
        )
        assert env.hints()[0].startswith("Hint: 3 moves are enough, 1 of them pushes;")


async def test_the_message_that_pushed_a_box_for_good_is_told() -> None:
    level = "# # # # #\n# _ _ _ #\n# @ $ . #\n# _ _ _ #\n# # # # #"
    task = Task({"level": level}, {"solution": "right"}, difficulty=3)
    script = [
        Action.call("move", directions=moves)
        for moves in ("up right", "down", "left down right up")
    ]
    async with envgym.make("puzzles/sokoban-v1", max_turns=3) as env:
        attempt = await attempted(env, task, *script)
        assert env.hints(attempt)[1] == (
            "Hint: message 2 (down) pushed a box to row 3, column 2, from where it reaches no "
            "target."
        )
        attempt = await attempted(env, task, script[0])
        assert env.hints(attempt)[1].startswith("Hint: one box was on no target at the end")


@pytest.mark.parametrize("kwargs", [{"size": 4}, {"boxes": 0}, {"walls": 1}])
def test_wrong_arguments_are_named(kwargs: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(kwargs))):
        envgym.make("puzzles/sokoban-v1", **kwargs)
