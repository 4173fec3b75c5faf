"""reasoning-gym's datasets as environments: their scores, our bounds, nothing run."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

import envgym
from envgym import Action
from envgym.environments.puzzles.judging import safe_eval
from envgym.environments.puzzles.reasoning_gym.entries import Entries, expected
from envgym.errors import UsageError
from envgym.pytest_plugin import envgym_checks
from envgym.resources import open_resources

test_contract = envgym_checks("puzzles/reasoning-gym-v1", company=100)

MAKES_A_FOLDER = '__import__("os").mkdir("{0}")'
"""`eval` of it makes a folder; so does SymPy's parser, given the chance."""


async def scored(dataset: str, *answers: str | None, **kwargs: Any) -> list[float]:
    """Scores of the answers to one question; None stands for the dataset's own answer."""
    async with envgym.make("puzzles/reasoning-gym-v1", dataset=dataset, **kwargs) as env:
        scores = []
        for answer in answers:
            await env.reset(seed=0, options={"split": "train", "index": 0})
            text = env.task.hidden["answer"] if answer is None else answer
            scores.append((await env.step(Action.call("answer", text=text))).info["score"])
        return scores


async def test_the_datasets_own_scorers_judge(tmp_path: Path) -> None:
    """One judge for several datasets; what an answer would run is never run."""
    before = open_resources()
    marks = [tmp_path / f"{n}" for n in range(4)]
    evil = [MAKES_A_FOLDER.format(mark) for mark in marks]
    async with envgym.make("puzzles/reasoning-gym-v1", attempts=2) as env:  # keeps the judge
        await env.reset(seed=0)
        gold = env.task.hidden["answer"]
        step = await env.step(Action.call("answer", text=f"{gold} or so"))
        assert 0 < step.info["score"] + step.reward < 1  # a partial score is theirs to give
        assert await scored("n_queens", evil[0], None) == [0.0, 1.0]
        board = await scored("spiral_matrix", evil[1], "9" * 5000)
        assert max(board) < 0.1
        assert max(await scored("countdown", evil[2], "9**9**9**9")) < 0.1
        assert max(await scored("simple_integration", evil[3])) < 0.1
        assert await scored("simple_integration", None) == [1.0]
    assert not any(mark.exists() for mark in marks)
    assert open_resources() == before


@pytest.mark.parametrize(
    "code",
    [
        '__import__("os")',
        "().__class__.__bases__[0].__subclasses__()",
        "[x for x in (1,)]",
        "lambda: 1",
        "open('x')",
        "exec('1')",
        "Symbol('x').evalf()",
        "Symbol('x', real=True)",
        "sympify('1')",
        "(1 if 1 else 2)",
        "f'{1}'",
        "(x := 1)",
        "getattr(1, 'real')",
        compile("1", "", "eval"),
    ],
)
def test_the_guard_takes_values_and_mathematics_alone(code: Any) -> None:
    for calls in (False, True):
        with pytest.raises((safe_eval.Refused, SyntaxError)):
            safe_eval.checked(code, calls=calls)


@pytest.mark.parametrize("code", ["[[1, -2], ['a', 'b']]", "1/2", "0x1f << 2", "(1, 2.5) < (2,)"])
def test_the_guard_lets_values_through(code: str) -> None:
    assert safe_eval.evaluate(code) == eval(code)
    for name in ("x", "Symbol('x')", "sqrt(2)"):
        with pytest.raises(safe_eval.Refused):
            safe_eval.evaluate(name)
    assert safe_eval.checked("sin(Symbol('x'))**Integer(2)", calls=True)


@pytest.mark.parametrize("dataset", ["graph_color", "rubiks_cube", "list_functions", "rush_hour"])
def test_entries_are_the_same_every_time(dataset: str) -> None:
    """Also where answers stand in the metadata, or are drawn from Python's global generator."""
    arguments = {"seed": 3, "size": 100}
    state = random.getstate()
    first, again = (Entries.open(dataset, arguments).entry(7) for _ in range(2))
    assert random.getstate() == state
    assert first == again
    answer = expected(first)
    assert answer is None if dataset == "rush_hour" else isinstance(answer, str)


async def test_splits_share_no_question() -> None:
    async with envgym.make("puzzles/reasoning-gym-v1", dataset="spell_backward") as env:
        train, test = (
            {env.tasks(s)[i].data["question"] for i in range(n)}
            for s, n in (("train", 300), ("test", 100))
        )
        assert not train & test
        assert len(env.tasks("train")) == 1000
        assert json.loads(json.dumps(env.tasks("test")[0].to_json()))


async def test_a_dataset_that_only_judges_says_so() -> None:
    async with envgym.make("puzzles/reasoning-gym-v1", dataset="rush_hour") as env:
        await env.reset(seed=0)
        assert env.hints() == ()
        with pytest.raises(UsageError, match="gives no answers"):
            [a async for a in env.oracle()]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"dataset": "chain_sums"}, "Did you mean 'chain_sum'"),
        ({"dataset": "codeio"}, "runs programs of its own"),
        ({"config": {"no_such": 1}}, "chain_sum does not take this config"),
        ({"config": {"min_terms": 9, "max_terms": 1}}, "chain_sum does not take this config"),
        ({"config": {"seed": 1}}, "give ['seed'] to the environment"),
        ({"size": 10}, "size must be at least 64"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], message: str) -> None:
    before = open_resources()
    with pytest.raises(UsageError, match=re.escape(message)):
        envgym.make("puzzles/reasoning-gym-v1", **kwargs)
    assert open_resources() == before


def test_without_the_library_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "envgym.environments.puzzles.reasoning_gym.environment.find_spec", lambda name: None
    )
    with pytest.raises(UsageError, match=re.escape("pip install 'envgym[reasoning-gym]'")):
        envgym.make("puzzles/reasoning-gym-v1")
