"""The corridor: what decides is early, what pays is late, and what can be farmed is an option."""

from __future__ import annotations

from typing import Any

import pytest

import envgym
from envgym import Action, StepResult, Task
from envgym.errors import UsageError
from envgym.messages import ToolCall
from envgym.pytest_plugin import envgym_checks
from envgym.stop_reason import StopReason
from tests.environments.played import attempted

test_contract = envgym_checks("puzzles/key-door-v1")

TASK = Task({"chest": "red", "keys": ["blue", "red"]}, {"ways": "LR"}, difficulty=2)


async def walk(*words: str, **kwargs: Any) -> list[StepResult]:
    """Steps by their first letters: ``red`` takes, ``left`` goes, ``read`` and ``open``."""
    made = []
    async with envgym.make("puzzles/key-door-v1", length=2, keys=2, **kwargs) as env:
        await env.reset(seed=0, options={"task": TASK})
        for word in words:
            if word in ("left", "right", "back"):
                action = Action.call("go", way=word)
            elif word in ("read", "open"):
                action = Action.call(word)
            else:
                action = Action.call("take", key=word)
            made.append(await env.step(action))
    return made


async def test_the_right_key_opens_the_chest_and_only_that_pays() -> None:
    steps = await walk("red", "left", "right", "open")
    assert [step.reward for step in steps] == [0.0, 0.0, 0.0, 1.0]
    assert steps[-1].terminated
    assert steps[-1].info["score"] == 1.0


@pytest.mark.parametrize("taken", [["blue"], ["red", "blue"], []])
async def test_any_other_key_never_does(taken: list[str]) -> None:
    steps = await walk(*taken, "left", "right", "open")
    assert steps[-1].terminated
    assert [step.reward for step in steps] == [0.0] * len(steps)
    assert steps[-1].info["score"] == 0.0


async def test_the_hall_is_left_for_good() -> None:
    *_, late = await walk("left", "red")
    assert late.observation.text.startswith("Error: there is no key here.")
    assert not late.done


async def test_dead_ends_cost_turns_alone() -> None:
    steps = await walk("red", "right", "left", "back", "left", "right", "open")
    assert "A dead end off the hall." in steps[1].observation.text
    assert steps[2].observation.text.startswith("Error: there is no such way.")
    assert steps[-1].info["score"] == 1.0


async def test_the_turns_are_twice_the_shortest_way() -> None:
    steps = await walk(*["read"] * 8)
    assert [step.done for step in steps] == [False] * 7 + [True]
    assert steps[-1].truncated
    assert steps[-1].info["stop_reason"] is StopReason.MAX_TURNS
    with pytest.raises(UsageError, match="2 rooms take 4 turns"):
        envgym.make("puzzles/key-door-v1", length=2, max_turns=3)


async def test_the_same_state_has_the_same_name_whatever_led_there() -> None:
    [*_, straight] = await walk("red", "left")
    [*_, around] = await walk("blue", "read", "red", "right", "back", "left")
    assert straight.info["anchor"] == around.info["anchor"]
    assert straight.info["anchor"] == straight.observation.text
    [*_, other_key] = await walk("blue", "left")
    assert other_key.info["anchor"] != straight.info["anchor"]


async def test_the_naive_process_reward_pays_more_for_reading_than_for_the_chest() -> None:
    """Right steps of the shortest way: key, two sides, chest: 4 · 0.5 + 1 = 3; 8 reads: 4."""
    honest = await walk("red", "left", "right", "open", step_reward=0.5)
    farmed = await walk(*["read"] * 8, step_reward=0.5)
    assert [step.reward for step in honest] == [0.5, 0.5, 0.5, 1.5]
    assert [step.reward for step in farmed] == [0.5] * 8
    assert (honest[-1].info["score"], farmed[-1].info["score"]) == (1.0, 0.0)


async def test_the_verifier_of_steps_pays_no_wrong_one() -> None:
    steps = await walk("blue", "right", "back", "gold", "left", "right", "open", step_reward=0.5)
    assert [step.reward for step in steps] == [0.0, 0.0, 0.5, 0.0, 0.5, 0.5, 0.0]


async def test_one_step_a_message() -> None:
    calls = tuple(ToolCall("take", {"key": key}, str(i)) for i, key in enumerate(("red", "blue")))
    async with envgym.make("puzzles/key-door-v1", length=2, keys=2, invalid_penalty=0.25) as env:
        await env.reset(seed=0, options={"task": TASK})
        step = await env.step(Action("", calls))
    first, second = step.observation.messages
    assert "You hold the red key." in first.content
    assert second.content == "Error: at most one action a message."
    assert step.reward == -0.25


@pytest.mark.parametrize("length", [1, 30])
async def test_the_oracle_takes_the_shortest_way_at_any_length(length: int) -> None:
    async with envgym.make("puzzles/key-door-v1", length=length) as env:
        await env.reset(seed=1, options={"split": "test"})
        assert env.task.difficulty == length
        async for action in env.oracle():
            step = await env.step(action)
    assert step.info["score"] == 1.0
    assert step.info["turn"] == length + 2


async def test_demonstrations_may_read_the_sign_and_still_arrive() -> None:
    async with envgym.make("puzzles/key-door-v1", length=2, oracle_reads=1.0) as env:
        await env.reset(seed=1)
        async for action in env.oracle():
            step = await env.step(action)
    assert step.info["score"] == 1.0
    assert step.info["metrics"]["reads"] == 4  # all the turns that it could spare
    with pytest.raises(UsageError, match="chance"):
        envgym.make("puzzles/key-door-v1", oracle_reads=2.0)


async def test_demonstrations_may_show_the_way_with_any_key() -> None:
    scores, turns = [], set()
    async with envgym.make("puzzles/key-door-v1", length=2, keys=2, oracle_guesses=1.0) as env:
        for seed in range(200):
            await env.reset(seed=seed)
            async for action in env.oracle():
                step = await env.step(action)
            scores.append(step.info["score"])
            turns.add(step.info["turn"])
    assert turns == {4}  # the way is the shortest all the same
    assert 0.4 < sum(scores) / len(scores) < 0.6
    with pytest.raises(UsageError, match="oracle_guesses is a chance"):
        envgym.make("puzzles/key-door-v1", oracle_guesses=-1.0)


async def test_the_oracle_goes_on_from_wherever_it_is_called() -> None:
    async with envgym.make("puzzles/key-door-v1", length=2, keys=2) as env:
        await env.reset(seed=0, options={"task": TASK})
        for action in (Action.call("take", key="blue"), Action.call("go", way="right")):
            await env.step(action)
        async for action in env.oracle():
            step = await env.step(action)
    assert (step.info["score"], step.info["turn"]) == (1.0, 7)


TAKE, LEFT, RIGHT = (
    Action.call("take", key="red"),
    *(Action.call("go", way=w) for w in ("left", "right")),
)


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        ((LEFT,), "call 1 left the hall with no key: take the red key before."),
        (
            (Action.call("take", key="blue"), LEFT),
            "call 2 left the hall with the blue key: take the red key before.",
        ),
        ((TAKE, RIGHT), "call 2 went right from the hall, against the draught."),
        ((TAKE, LEFT, LEFT), "call 3 went left from room 1, against the draught."),
        ((TAKE, LEFT), "it ended 1 room before the chest."),
        ((TAKE, LEFT, RIGHT), "it ended at the chest without opening it."),
        (
            (Action.call("go", way="up"),),
            "every call was refused, the last one so: Error: there is",
        ),
        ((), "no message held a tool call, so nothing was done."),
    ],
)
async def test_hints_name_the_first_wrong_step(actions: tuple[Action, ...], told: str) -> None:
    task = Task({"chest": "red", "keys": ["blue", "red"]}, {"ways": "LR"})
    async with envgym.make("puzzles/key-door-v1", length=2) as env:
        attempt = await attempted(env, task, *actions)
        plan, feedback, *cues = env.hints(attempt)
        assert feedback.startswith(f"Hint: {told}")
        assert (plan, *cues) == env.hints()
        assert cues == [
            'Hint: begin with take(key="red"), then follow the draught.',
            'Hint: begin with take(key="red"), then go(way="left").',
        ]


async def test_hints_are_of_the_task_and_not_of_the_instance() -> None:
    task = Task({"chest": "red", "keys": ["blue", "red"]}, {"ways": "LR"})
    found = []
    for length in (2, 5):
        async with envgym.make("puzzles/key-door-v1", length=length) as env:
            await env.reset(options={"task": task})
            found.append(env.hints())
    assert found[0] == found[1]
