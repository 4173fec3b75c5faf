"""What the step-by-step puzzles share: bounds, penalties, splits."""

from __future__ import annotations

import random

import pytest

import envgym
from envgym import Action, Task
from envgym.environments.puzzles.grid.grid import shortest_ways
from envgym.environments.puzzles.grid.levels import levels
from envgym.errors import UsageError
from envgym.messages import ToolCall

OPEN = Task({"map": "P _ _\n_ _ _\n_ _ G", "slippery": False}, {"path": ""})


async def play(*actions: Action, **kwargs: object) -> list[envgym.StepResult]:
    async with envgym.make("puzzles/frozen-lake-v1", **kwargs) as env:
        await env.reset(seed=0, options={"task": OPEN})
        return [await env.step(action) for action in actions]


def move(directions: str) -> Action:
    return Action.call("move", directions=directions)


async def test_several_moves_fit_into_a_message() -> None:
    [step] = await play(move("Right, right || down"), step_penalty=0.25)
    assert step.observation.text == "_ _ _\n_ _ P\n_ _ G"
    assert step.info["metrics"]["moves"] == 3
    assert (step.reward, step.info["score"]) == (-0.75, 0.0)


async def test_moves_beyond_the_bound_are_refused_and_those_before_made() -> None:
    [step] = await play(move("right down right"), max_actions=2, invalid_penalty=0.5)
    assert step.observation.text == "Error: at most 2 actions a message.\n_ _ _\n_ P _\n_ _ G"
    assert step.reward == -0.5


async def test_the_bound_is_the_messages_however_many_calls_it_has() -> None:
    calls = tuple(ToolCall("move", {"directions": "right"}, str(i)) for i in range(3))
    [step] = await play(Action("", calls), max_actions=2)
    assert step.observation.messages[1].content == "_ _ P\n_ _ _\n_ _ G"
    assert step.observation.messages[2].content.startswith("Error: at most 2 actions")


@pytest.mark.parametrize(
    ("action", "seen"),
    [
        (Action("I go right"), "No tool was called"),
        (move("jump"), "'jump' is no move"),
        (move(" || "), "no move in it"),
        (Action.call("fly"), "no tool 'fly'"),
        (Action("", (ToolCall("move", None, "0", "its JSON is broken"),)), "its JSON is broken"),
    ],
)
async def test_what_is_no_action_is_told_and_costs_once(action: Action, seen: str) -> None:
    step, after = await play(action, move("down"), invalid_penalty=0.125)
    assert seen in step.observation.text
    assert (step.reward, step.info["metrics"]["invalid"]) == (-0.125, 1.0)
    assert not step.done
    assert after.reward == 0.0
    assert after.observation.text == "_ _ _\nP _ _\n_ _ G"


async def test_moves_after_the_end_are_not_made() -> None:
    [step] = await play(move("right right down down up"))
    assert step.terminated
    assert step.info["metrics"]["moves"] == 4
    assert step.observation.text == "_ _ _\n_ _ _\n_ _ !"


@pytest.mark.parametrize(
    ("kwargs", "what"),
    [
        ({"max_actions": 0}, "max_actions"),
        ({"invalid_penalty": -1}, "taken off"),
        ({"step_penalty": -1}, "taken off"),
        ({"size": 2}, r"3\.\.16"),
        ({"holes": 1.0}, "share"),
        ({"size": 6, "max_turns": 2, "max_actions": 2}, "4 moves are too few"),
    ],
)
def test_wrong_arguments_are_named(kwargs: dict[str, float], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        envgym.make("puzzles/frozen-lake-v1", **kwargs)


def test_a_level_stands_in_one_split_alone() -> None:
    def draw(rng: random.Random) -> Task:
        return Task({"n": rng.randrange(50)})

    splits = {s: levels(draw, count=300, seed="s", split=s) for s in ("train", "test")}
    train, test = ({task.data["n"] for task in source} for source in splits.values())
    assert train
    assert test
    assert not train & test
    assert {task.split for task in splits["test"]} == {"test"}
    with pytest.raises(UsageError, match="no split 'valid'"):
        levels(draw, count=3, seed="s", split="valid")
    with pytest.raises(UsageError, match="no level in"):
        _ = levels(lambda rng: None, count=3, seed="s", split="test")[0]


def test_shortest_ways_go_around() -> None:
    free = {(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2)} - {(0, 1)}
    ways = shortest_ways((0, 0), free.__contains__)
    assert ways[2, 2] == ("down", "down", "right", "right")
    assert ways[0, 2] == ("down", "down", "right", "right", "up", "up")
    assert (0, 1) not in ways
