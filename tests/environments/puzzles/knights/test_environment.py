"""Knights and knaves: one solution each, in words with one reading, and no other way to win."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any

import pytest

import envgym
from envgym import Action, Task
from envgym.environments.puzzles.knights.puzzle import misfits, solutions, unique_puzzle
from envgym.environments.puzzles.knights.statements import Statement, english, holds
from envgym.errors import UsageError
from envgym.pytest_plugin import envgym_checks
from tests.environments.played import attempted

test_contract = envgym_checks("puzzles/knights-v1", company=200)

_PYTHON = {"iff": "({0}) == ({1})", "if": "(not ({0})) or ({1})", "not": "not ({0})"}


def as_python(statement: Statement) -> str:
    """The statement as another evaluator would have it."""
    kind, *parts = statement
    if kind in ("knight", "knave"):
        return f"k[{parts[0]}]" if kind == "knight" else f"not k[{parts[0]}]"
    form = _PYTHON.get(kind, f"({{0}}) {kind} ({{1}})")
    return form.format(*map(as_python, parts))


@pytest.mark.parametrize("people", range(2, 9))
@pytest.mark.parametrize("depth", [1, 2])
def test_just_one_solution_fits(people: int, depth: int) -> None:
    rng = random.Random(people)
    for _ in range(6):
        statements, solution = unique_puzzle(rng, people, depth)
        code = [compile(as_python(s), "said", "eval") for s in statements]
        fits = [
            k
            for k in itertools.product((True, False), repeat=people)
            if all(bool(eval(c, {"k": k})) == kind for c, kind in zip(code, k, strict=True))
        ]
        assert fits == [solution]


def test_both_kinds_come_up_anywhere() -> None:
    rng = random.Random(0)
    shares = [sum(unique_puzzle(rng, 3, 2)[1]) for _ in range(200)]
    assert {0, 1, 2, 3} == set(shares)  # all knaves and all knights included
    assert 0.35 < sum(shares) / 600 < 0.65


def test_nobody_calls_himself_a_knave_outright() -> None:
    rng = random.Random(1)
    for _ in range(200):
        statements, _ = unique_puzzle(rng, 3, 1)
        assert all(s != ["knave", i] for i, s in enumerate(statements))


def test_words_have_one_reading() -> None:
    """Two statements that differ in truth differ in words."""
    leaves: list[Statement] = [["knight", 0], ["knave", 1]]
    once = leaves + [[j, a, b] for j in ("and", "or", "if", "iff") for a in leaves for b in leaves]
    once += [["not", a] for a in leaves]
    twice = once + [[j, a, b] for j in ("and", "or", "if", "iff") for a in once for b in once]
    twice += [["not", a] for a in once]
    said: dict[str, Statement] = {}
    for statement in twice:
        words = english(statement, ["Ada", "Ben"])
        other = said.setdefault(words, statement)
        for kinds in itertools.product((True, False), repeat=2):
            assert holds(statement, kinds) == holds(other, kinds), words


async def test_a_wrong_answer_is_told_a_contradiction() -> None:
    async with envgym.make("puzzles/knights-v1", people=[4]) as env:
        for seed in range(10):
            await env.reset(seed=seed)
            lines = env.task.hidden["answer"].splitlines()
            here, there = ("knight", "knave")[:: 1 if "knight" in lines[0] else -1]
            lines[0] = lines[0].replace(here, there)
            kinds = ["knight" in line for line in lines]
            liar = env.task.data["names"][misfits(env.task.data["statements"], kinds)[0]]
            step = await env.step(Action.call("answer", text="\n".join(lines)))
            assert step.observation.text.startswith(f"That cannot be: what {liar}, a kn")
            assert (step.info["score"], step.terminated) == (0.0, False)


@pytest.mark.parametrize(
    "forge",
    [
        lambda gold, names: gold + f"\n(9) {names[0]} is a knight",
        lambda gold, names: "\n".join(f"{n} is a knight\n{n} is a knave" for n in names),
        lambda gold, names: gold.replace("is a", "is not a"),
        lambda gold, names: "It is false that " + gold,
        lambda gold, names: "\n".join(gold.splitlines()[:-1]),
        lambda gold, names: gold + "\n(4) Nobody is a knave",
        lambda gold, names: "",
    ],
)
async def test_saying_more_or_less_is_no_answer(forge: Any) -> None:
    async with envgym.make("puzzles/knights-v1", people=[3], attempts=1) as env:
        await env.reset(seed=5)
        text = forge(env.task.hidden["answer"], env.task.data["names"])
        step = await env.step(Action.call("answer", text=text))
        assert step.observation.text.startswith("Error: ")
        assert not step.terminated


async def test_other_ways_of_writing_it_are_read() -> None:
    async with envgym.make("puzzles/knights-v1", people=[3]) as env:
        for change in (str.upper, lambda t: t.replace("\n", ", "), lambda t: t + ".\n\n"):
            await env.reset(seed=5)
            step = await env.step(Action.call("answer", text=change(env.task.hidden["answer"])))
            assert step.info["score"] == 1.0


async def test_hints_leave_one_of_them_open() -> None:
    async with envgym.make("puzzles/knights-v1") as env:
        for seed in range(20):
            await env.reset(seed=seed)
            names = env.task.data["names"]
            told = [len(re.findall(r"\w+ is a kn", hint)) for hint in env.hints()]
            assert told[1:] == sorted({max(len(names) // 2, 1), len(names) - 1})
            assert env.task.hidden["answer"] not in "".join(env.hints())
            assert len(solutions(env.task.data["statements"])) == 1


async def test_the_hint_on_an_answer_is_what_it_contradicts() -> None:
    data = {
        "names": ["Ada", "Ben"],
        "statements": [["knave", 1], ["and", ["knave", 0], ["knight", 1]]],
        "text": ["", ""],
    }
    task = Task(data, {"answer": "(1) Ada is a knight\n(2) Ben is a knave"})
    wrong = Action.call("answer", text="Ada is a knight, Ben is a knight")
    async with envgym.make("puzzles/knights-v1") as env:
        attempt = await attempted(env, task, wrong, wrong)
        assert env.hints(attempt)[1] == (
            "Hint: your last answer contradicts what 2 of 2 people say: it makes Ada a knight, but "
            "then it would be false that Ben is a knave."
        )


@pytest.mark.parametrize("kwargs", [{"people": [1]}, {"people": [9]}, {"people": []}, {"depth": 3}])
def test_bad_arguments_are_named(kwargs: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="must be"):
        envgym.make("puzzles/knights-v1", **kwargs)
