"""NP-hard problems as an environment: scores are ratios, attempts pay for progress alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

import envgym
from envgym import Action, Task
from envgym.environments.puzzles.np.problems import PROBLEMS
from envgym.errors import UsageError
from envgym.pytest_plugin import envgym_checks
from tests.environments.played import attempted

test_contract = envgym_checks("puzzles/np-v1", episodes=3, company=100)

STAR = {"nodes": 6, "edges": [[0, b] for b in range(1, 6)]}
GRAPH = {"nodes": 4, "edges": [[0, 1], [0, 2], [1, 2], [2, 3]]}
ROOM = {"free": [[0, 1], [0, 1]], "meetings": [{"hours": 1, "people": [0, 1]}] * 3}


async def play(problem: str, instance: Any, gold: Any, *answers: str) -> list[envgym.StepResult]:
    task = Task({"problem": problem, "instance": instance}, {"solution": gold})
    async with envgym.make("puzzles/np-v1", attempts=len(answers) + 1) as env:
        await env.reset(seed=0, options={"task": task})
        return [await env.step(Action.call("answer", text=a)) for a in answers]


@pytest.mark.parametrize(
    ("problem", "instance", "gold", "answer", "said"),
    [
        ("independent_set", STAR, [1, 2, 3, 4, 5], "[0, 0, 0, 0, 0]", "more than once"),
        ("independent_set", STAR, [1, 2, 3, 4, 5], "list(range(6))", "JSON list"),
        ("subset_sum", {"numbers": [1, 5], "target": 3}, [0], "[0, 0, 0]", "more than once"),
        ("meetings", ROOM, [[0, 0], [1, 1]], "[[0, 0], [0, 0], [0, 0]]", "more than once"),
        ("meetings", ROOM, [[0, 0], [1, 1]], "[[0, 0], [1, 0]]", "person 0 has no time"),
        ("meetings", ROOM, [[0, 0], [1, 1]], "[[0, 2]]", "person 0 has no time"),
        ("cycle", GRAPH, [0, 1, 2], "[0]", "three nodes"),
        ("cycle", GRAPH, [0, 1, 2], "[0, 1, 0]", "more than once"),
        ("cycle", GRAPH, [0, 1, 2], "[0, 1]", "three nodes"),
        ("cycle", GRAPH, [0, 1, 2], "[0, 1, 2, 3]", "3 and 0 are not joined"),
        ("cover", {"elements": 2, "sets": [[0], [1]]}, [0, 1], '"Impossible"', "JSON list"),
        ("cover", {"elements": 2, "sets": [[0], [1]]}, [0, 1], "[]", "no set in it"),
        ("clique", GRAPH, [0, 1, 2], "[-1, -2]", "no node"),
        ("tour", {"cities": [[0, 0], [0, 9], [9, 9]]}, [0, 1, 2], "[0, 1]", "2 of 3"),
        ("bisection", GRAPH, [0, 1], "[0, 1, 2]", "a half has 2"),
        ("knapsack", {"items": [[5, 9]], "capacity": 4}, [], "[0]", "weight is 5"),
        ("clique", GRAPH, [0, 1, 2], "[" * 9000, "JSON list"),
        ("clique", GRAPH, [0, 1, 2], "9" * 9000, "JSON list"),
        ("clique", GRAPH, [0, 1, 2], "[" * 900 + "]" * 900, "no node"),
        ("meetings", ROOM, [[0, 0], [1, 1]], "[" * 900 + "]" * 900, "no pair"),
        ("clique", GRAPH, [0, 1, 2], "[" + "0," * 6000 + "0]", "longer than"),
    ],
)
async def test_known_exploits_score_nothing(
    problem: str, instance: Any, gold: Any, answer: str, said: str
) -> None:
    [step] = await play(problem, instance, gold, answer)
    assert said in step.observation.text
    assert (step.reward, step.info["score"]) == (0.0, 0.0)


async def test_progress_alone_is_paid_and_the_best_counts() -> None:
    steps = await play("clique", GRAPH, [0, 1, 2], "[2, 3]", "[0]", "[0, 1]", "[0, 3]", "[2, 1, 0]")
    assert [s.reward for s in steps] == pytest.approx([2 / 3, 0, 0, 0, 1 / 3])
    assert [s.terminated for s in steps] == [False] * 4 + [True]
    assert steps[-1].info["score"] == 1.0
    assert steps[0].observation.text.startswith("Valid, with a value of 2; higher is better.")


async def test_beating_the_reference_counts_as_equal() -> None:
    [step] = await play("clique", GRAPH, [2, 3], "[0, 1, 2]")
    assert (step.info["score"], step.terminated) == (1.0, True)


async def test_an_episode_cut_short_keeps_its_best() -> None:
    async with envgym.make("puzzles/np-v1", problems=["clique"], max_turns=2) as env:
        await env.reset(seed=0)
        first = await env.step(Action.call("answer", text="[0]"))
        last = await env.step(Action("Let me think."))
        assert last.truncated
        assert last.info["score"] == first.reward > 0


async def test_hints_show_three_quarters_of_the_reference_at_most() -> None:
    async with envgym.make("puzzles/np-v1") as env:
        for seed in range(30):
            await env.reset(seed=seed)
            method, *parts = env.hints()
            gold = json.dumps(env.task.hidden["solution"])[1:-1]
            assert PROBLEMS[env.task.data["problem"]].method in method
            assert parts or len(env.task.hidden["solution"]) == 1
            assert all(gold not in part for part in parts)
            assert [*map(len, parts)] == sorted(map(len, parts))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("[0, 3]", "is not valid: the weight is 9."),
        ("[1, 2]", "has the value 5, and 7 is possible. A good answer is without 1."),
        ("[0]", "has the value 4, and 7 is possible."),
    ],
)
async def test_the_hint_on_a_solution_is_its_flaw(answer: str, told: str) -> None:
    items = [[1, 4], [1, 2], [1, 3], [8, 9]]
    task = Task(
        {"problem": "knapsack", "instance": {"items": items, "capacity": 2}}, {"solution": [0, 2]}
    )
    async with envgym.make("puzzles/np-v1") as env:
        attempt = await attempted(env, task, Action.call("answer", text=answer))
        assert env.hints(attempt)[1] == f"Hint: your last answer {told}"


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"problems": ["cliqe"]}, "Did you mean 'clique'"),
        ({"levels": ["huge"]}, "levels must be of easy"),
        ({"levels": []}, "levels must be of easy"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        envgym.make("puzzles/np-v1", **kwargs)


def test_every_problem_and_size_comes_up() -> None:
    tasks = envgym.make("puzzles/np-v1", levels=["easy", "medium", "hard", "bench"]).tasks("test")
    rows = [tasks[i] for i in range(100)]
    assert {row.data["problem"] for row in rows} == set(PROBLEMS)
    assert {row.difficulty for row in rows} == {1, 2, 3, 4}
