"""The lake: its optimum against numbers worked by hand, and against Gymnasium's own transitions."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv

import envgym
from envgym import Action, Task
from envgym.agents.oracle import OracleAgent
from envgym.environments.puzzles.grid.frozen_lake import draw, parse
from envgym.environments.puzzles.grid.frozen_lake_policy import Lake, chances, reach
from envgym.pytest_plugin import envgym_checks
from envgym.rollout.runner import Rollout, Start
from tests.environments.played import attempted

test_contract = envgym_checks("puzzles/frozen-lake-v1")
test_contract_on_slippery_ice_without_holes = envgym_checks(
    "puzzles/frozen-lake-v1", slippery=True, holes=0.0, size=3, levels=20, max_turns=60, company=20
)

CLASSIC = ["SFFF", "FHFH", "FFFH", "HFFG"]  # Gymnasium's 4x4 map
TWO = Lake(2, frozenset(), (0, 0), (0, 1))


def lake_of(rows: list[str]) -> Lake:
    cells = {(r, c): sign for r, row in enumerate(rows) for c, sign in enumerate(row)}
    holes = frozenset(cell for cell, sign in cells.items() if sign == "H")
    goal = next(cell for cell, sign in cells.items() if sign == "G")
    return Lake(len(rows), holes, (0, 0), goal)


def test_two_cells_by_hand() -> None:
    """P G over _ _. In one move the goal is reached with 1/3 whatever the move but left; in two,
    "up" stays with 2/3 (up and left both meet the edge), so 1/3 + 2/3 · 1/3 = 5/9."""
    values = reach(TWO, 2, slippery=True)
    assert values[1, 0, 0] == pytest.approx(1 / 3)
    assert values[2, 0, 0] == pytest.approx(5 / 9)
    by_move = chances(TWO, values[1], slippery=True)[:, 0, 0]
    # up: G, stays, stays. down: below, stays, G. left: stays, stays, below. right: G, stays, below
    third = 1 / 3
    below = values[1, 1, 0]
    assert below == 0.0
    assert by_move == pytest.approx(
        [third * (1 + 2 * third), third * (1 + third), third * 2 * third, third * (1 + third)]
    )


def test_gymnasiums_map_is_won_14_times_in_17() -> None:
    assert reach(lake_of(CLASSIC), 3000, slippery=True)[-1, 0, 0] == pytest.approx(14 / 17)


@pytest.mark.parametrize("slippery", [True, False])
def test_the_optimum_of_gymnasiums_own_transitions(slippery: bool) -> None:
    table = FrozenLakeEnv(desc=CLASSIC, is_slippery=slippery).P
    values = np.zeros(16)
    for _ in range(30):
        values = np.array(
            [
                max(
                    sum(p * (r + (0.0 if over else values[to])) for p, to, r, over in outcomes)
                    for outcomes in table[state].values()
                )
                for state in range(16)
            ]
        )
    ours = reach(lake_of(CLASSIC), 30, slippery=slippery)[-1].ravel()
    terminal = [row * 4 + column for row, column in lake_of(CLASSIC).holes] + [15]
    keep = np.setdiff1d(np.arange(16), terminal)
    assert ours[keep] == pytest.approx(values[keep])


async def test_the_oracle_reaches_the_goal_as_often_as_was_worked_out() -> None:
    env = envgym.make("puzzles/frozen-lake-v1", slippery=True)
    task = min(env.tasks("train")[:30], key=lambda t: abs(t.hidden["chance"] - 0.5))
    rollout = Rollout(lambda: envgym.make("puzzles/frozen-lake-v1", slippery=True))
    starts = [Start(seed, task) for seed in range(200)]
    result = await rollout.run(starts, OracleAgent())
    await rollout.close()
    share = np.mean([episode.score for episode in result.episodes])
    chance = task.hidden["chance"]
    assert 0.2 < chance < 0.8
    assert share == pytest.approx(chance, abs=3 * (chance * (1 - chance) / 200) ** 0.5)


async def test_a_hole_ends_it_and_the_hint_says_so() -> None:
    task = Task(
        {"map": "P O _\n_ _ _\n_ _ G", "slippery": False}, {"path": "down down right right"}
    )
    async with envgym.make("puzzles/frozen-lake-v1") as env:
        observation, info = await env.reset(seed=0, options={"task": task})
        assert observation.messages[-1].content == info["anchor"] == task.data["map"]
        step = await env.step(Action.call("move", directions="right"))
        assert step.terminated
        assert (step.reward, step.info["score"], step.info["metrics"]["fell"]) == (0.0, 0.0, 1.0)
        assert step.observation.text == "_ X _\n_ _ _\n_ _ G"
        attempt = await attempted(env, task, Action.call("move", directions="right"))
        plan = (
            "Hint: the goal is 2 down and 2 right; without slipping, 4 moves around the holes are "
            "enough."
        )
        cues = (
            'Hint: begin with move(directions="down down").',
            'Hint: begin with move(directions="down down right").',
        )
        assert env.hints() == (plan, *cues)
        fell = (
            "Hint: message 1 (right) ended in the hole in row 0, column 1 (from 0): step on no O."
        )
        assert env.hints(attempt) == (plan, fell, *cues)


async def test_the_first_step_back_and_the_end_are_told() -> None:
    task = Task({"map": "_ _ _\n_ P _\n_ _ G", "slippery": False}, {"path": "down right"})
    said = {
        ("right", "left", "left"): "message 2 (left) led away from the goal: 1 move away "
        "before it, 2 after it.",
        ("up left", "down"): "message 1 (up left) led away from the goal: 2 moves away "
        "before it, 4 after it.",
        ("down", "down"): "it ended 1 move before the goal: several moves fit into a message.",
    }
    async with envgym.make("puzzles/frozen-lake-v1") as env:
        for moves, told in said.items():
            script = [Action.call("move", directions=move) for move in moves]
            attempt = await attempted(env, task, *script)
            assert env.hints(attempt)[1] == f"Hint: {told}"


async def test_slips_come_from_the_seed_and_to_the_sides_alone() -> None:
    task = Task({"map": "_ _ _\n_ P _\nG _ _", "slippery": True}, {"chance": 1.0})
    seen = set()
    async with envgym.make("puzzles/frozen-lake-v1", slippery=True) as env:
        for seed in range(30):
            await env.reset(seed=seed, options={"task": task})
            step = await env.step(Action.call("move", directions="up"))
            seen.add(step.info["anchor"])
    up, left, right = "_ P _\n_ _ _", "_ _ _\nP _ _", "_ _ _\n_ _ P"
    assert seen == {f"{rows}\nG _ _" for rows in (up, left, right)}


def test_lakes_are_read_as_they_are_drawn() -> None:
    source = envgym.make("puzzles/frozen-lake-v1", size=6).tasks("train")
    for task in source[:20]:
        lake = parse(task.data["map"])
        assert draw(lake, lake.start) == task.data["map"]
        # on ice that does not slip, the goal is in reach from as many moves on as the way has
        values = reach(lake, int(task.difficulty), slippery=False)[:, *lake.start]
        assert values.tolist() == [0.0] * int(task.difficulty) + [1.0]
