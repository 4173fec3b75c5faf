"""Mathematics: equal answers count however they are written, and what is no answer never does."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import random
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import sympy

import envgym
from envgym import Action, Task
from envgym.environments.puzzles.judging import process_pool
from envgym.environments.puzzles.judging.process_pool import JudgePool
from envgym.environments.puzzles.math.answers.proof import unreadable
from envgym.environments.puzzles.math.problems import TOPICS
from envgym.environments.puzzles.math.shape import fault, last_boxed
from envgym.errors import Fault, UsageError
from envgym.pytest_plugin import envgym_checks
from envgym.resources import open_resources
from tests.environments.played import attempted

test_contract = envgym_checks("puzzles/math-v1", company=200)

EQUAL = [
    ("18", "18.0"),
    ("18", r"\boxed{18}"),
    ("18", r"\$18"),
    ("18", r"18\text{ dollars}"),
    ("18", "x = 18"),
    ("1234", "1,234"),
    (r"\frac{1}{2}", "0.5"),
    (r"\frac{1}{2}", r"\dfrac12"),
    ("3.5", r"3\frac{1}{2}"),
    ("120000", r"1.2 \times 10^5"),
    ("-2, 3", r"x=3 \text{ or } x=-2"),
    ("(2, -3)", r"\left(2,-3\right)"),
    ("2x+3", "y = 3 + 2*x"),
    ("6x^2-4", "6*x**2 - 4"),
    (r"5\sqrt{2}", r"\sqrt{50}"),
    (r"\text{Tuesday}", "Tuesday"),
]
UNEQUAL = [
    ("18", "19"),
    ("3", "3, 4, 5"),
    ("3", r"\pm 3"),
    ("3", "3 or 4"),
    ("3", "3}\\boxed{4"),
    ("2x", r"\boxed{3x}\boxed{2x}"),
    ("2x", r"2x\text{ or }3x"),
    ("2x", "(" * 100 + "3x" + ")" * 100),
    ("77", "12+65"),
    ("3", "3=3"),
    ("42", r"\int_0^1 84x\,dx"),
    ("6x^2", r"\frac{d}{dx} 2x^3"),
    ("-2, 3", "-2"),
    ("-2, 3", "-2, 3, 4"),
    ("(2, -3)", "(-3, 2)"),
    ("2x+3", "2x"),
    ("x^2", '__import__("os").system("true")'),
    ("x^2", "}" * 400),
]


async def judged(pairs: list[tuple[str, str]], problem: str = "?") -> list[float]:
    async with envgym.make("puzzles/math-v1", attempts=1) as env:
        scores = []
        for gold, answer in pairs:
            task = Task({"question": problem}, {"answer": gold, "steps": []})
            await env.reset(seed=0, options={"task": task})
            step = await env.step(Action.call("answer", text=answer))
            assert step.terminated, step.observation.text
            scores.append(step.info["score"])
        return scores


async def test_value_counts_and_not_the_writing() -> None:
    before = open_resources()
    scores = await judged(EQUAL + UNEQUAL)
    wrong = [
        pair
        for pair, score, right in zip(
            EQUAL + UNEQUAL, scores, [1.0] * len(EQUAL) + [0.0] * len(UNEQUAL), strict=True
        )
        if score != right
    ]
    assert not wrong
    assert open_resources() == before


async def test_a_hostile_answer_is_ended_and_the_next_one_judged() -> None:
    """Bounded by processor time: what the library would compute for ever is worth nothing."""
    hostile = [("x^2", "9^{9^{9^{9^{9}}}}!"), ("2x", "x+x")]
    assert await judged(hostile) == [0.0, 1.0]


async def test_copying_out_of_the_problem_is_no_answer() -> None:
    problem = r"Simplify $\frac{6x}{3}+x$."
    assert await judged([("3x", r"\frac{6x}{3} + x")], problem) == [0.0]
    assert fault("3x", "3x", "Write 3x, the gold, again.") is None


async def test_a_judge_that_cannot_run_is_a_fault_and_never_a_score() -> None:
    for module in ("envgym.environments.puzzles.no_such_judge", "this"):
        hold = JudgePool(module)
        with pytest.raises(Fault, match=f"python -m {module} says why"):
            await hold.ask({})
        await hold.aclose()


async def test_a_machine_too_slow_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "WALL_S", 0.01)
    before = open_resources()
    async with envgym.make("puzzles/math-v1") as env:
        task = Task({"question": "?"}, {"answer": "2x", "steps": []})
        await env.reset(seed=0, options={"task": task})
        with pytest.raises(Fault, match="no verdict"):
            await env.step(Action.call("answer", text="x+x"))
    assert open_resources() == before


async def test_a_cancelled_answer_leaves_the_judge_in_order() -> None:
    hold = JudgePool("envgym.environments.puzzles.math.judge")
    right = {"gold": "2x", "answer": "x+x"}
    assert (await hold.ask(right)) == {"right": True, "read": True}
    os.kill(hold._idle[-1].pid, signal.SIGSTOP)  # it answers nothing meanwhile
    asked = asyncio.create_task(hold.ask({"gold": "3x", "answer": "x+x"}))
    await asyncio.sleep(0.001)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (await hold.ask(right)) == {"right": True, "read": True}
    os.kill(hold._idle[-1].pid, signal.SIGKILL)  # nor does one that is killed from outside
    assert (await hold.ask(right)) == {"right": True, "read": True}
    await hold.aclose()


async def test_a_gold_that_nobody_can_read_is_a_fault() -> None:
    with pytest.raises(Fault, match="cannot be read"):
        await judged([("}{", "x+1")])


def as_sympy(latex: str) -> Any:
    text = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"(\1/\2)", latex).replace(r"\cdot", "*")
    text = re.sub(r"\\sqrt\{(\d+)\}", r"*sqrt(\1)", text).lstrip("*")
    text = re.sub(r"(\d)([xy])", r"\1*\2", re.sub(r"\^\{(\d+)\}", r"**\1", text))
    return sympy.sympify(text)


@pytest.mark.parametrize("level", [1, 3, 5])
def test_golds_are_right(level: int) -> None:
    """Each gold against SymPy's own solution of what the problem says."""
    x, y = sympy.symbols("x y")
    for seed in range(6):
        written = {n: t(random.Random(seed), level) for n, t in TOPICS.items()}
        shown = {n: re.findall(r"\$([^$]*)\$", w.question) for n, w in written.items()}
        numbers = {n: list(map(int, re.findall(r"-?\d+", w.question))) for n, w in written.items()}
        gold = {n: w.answer for n, w in written.items()}
        for name in ("arithmetic", "fractions"):
            assert as_sympy(shown[name][0]) == as_sympy(gold[name])
        left, right = shown["linear"][1].split(" = ")
        assert sympy.solve(as_sympy(left) - as_sympy(right), x) == [as_sympy(gold["linear"])]
        roots = sympy.solve(as_sympy(shown["quadratic"][0].split(" = ")[0]), x)
        assert sorted(roots) == list(ast.literal_eval(gold["quadratic"]))
        price, off, *tax = numbers["percent"]
        paid = sympy.Rational(price * (100 - off) * (100 + sum(tax)), 10_000)
        assert sympy.Rational(gold["percent"]) == paid
        slope = sympy.diff(as_sympy(shown["derivative"][0].partition(" = ")[2]), x)
        assert sympy.expand(slope - as_sympy(gold["derivative"])) == 0
        values = dict(zip((x, y), ast.literal_eval(gold["pair"]), strict=True))
        for equation in shown["pair"][:2]:
            side, _, total = equation.partition(" = ")
            assert as_sympy(side).subs(values) == int(total)
        base, power, divisor = numbers["remainder"]
        assert base**power % divisor == int(gold["remainder"])
        a, b = numbers["hypotenuse"]
        assert as_sympy(gold["hypotenuse"]) == sympy.sqrt(a * a + b * b)
        x1, y1, x2, y2 = numbers["line"]
        line = as_sympy(gold["line"])
        assert (line.subs(x, x1), line.subs(x, x2)) == (y1, y2)


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({"question": "How many?", "answer": "He has 4.\nSo 4 + 5 = 9.\n#### 9"}, "9"),
        ({"problem": "Find x.", "solution": r"So $x=\boxed{\frac{1}{2}}$.", "level": "Level 3"},
         r"\frac{1}{2}"),
        ({"Problem": "Find n.", "Answer": 204}, "204"),
        ({"prompt": "Is it 0?", "final_answer": 0}, "0"),
    ],
)  # fmt: skip
def test_rows_of_known_shapes(tmp_path: Path, row: dict[str, Any], answer: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    env = envgym.make("puzzles/math-v1", rows=str(path), test_rows=str(path))
    [task] = env.tasks("test")
    assert task.hidden["answer"] == answer
    assert task.difficulty == (3 if "level" in row else None)


async def test_hints_of_rows_blank_the_gold(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    told = "There are 9 in all. Take away 4. What is left is 5. So 5."
    path.write_text(json.dumps({"question": "How many?", "answer": f"{told}\n#### 9"}))
    async with envgym.make("puzzles/math-v1", rows=str(path), test_rows=str(path)) as env:
        await env.reset(seed=0, options={"split": "test"})
        assert env.hints()[0] == "Hint: There are … in all."
        assert "9" not in "".join(env.hints())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"question": "How many?"}', "line 1: a row without its answer; give it as 'answer'"),
        ('{"answer": "4"}', "line 1: a row without its problem"),
        ('{"question": "How many?", "answer": "Four.\\n####  "}', "without its answer"),
        ('{"question": ', "line 1: not valid JSON"),
        ("", "at least one task"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(message)):
        envgym.make("puzzles/math-v1", rows=str(path)).tasks("train")


def test_bad_rows_are_refused_or_dropped_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rows.jsonl"
    good, bad = ["5", "2y", *map(str, range(10))], ["}{ x", "", "x" * 2_000, r"\frac{x"]
    rows = [{"question": f"What is {n}?", "answer": gold} for n, gold in enumerate(bad + good)]
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(UsageError, match=r"4 rows of .*line 2.*bad_rows='drop'"):
        envgym.make("puzzles/math-v1", rows=str(path)).tasks("train")
    env = envgym.make("puzzles/math-v1", rows=str(path), bad_rows="drop")
    kept = [task.hidden["answer"] for split in ("train", "test") for task in env.tasks(split)]
    assert sorted(kept) == sorted(good)
    assert "line 1: the gold '}{ x' cannot be read as LaTeX" in caplog.text
    with pytest.raises(UsageError, match="bad_rows must be"):
        envgym.make("puzzles/math-v1", bad_rows="skip")


def test_a_gold_that_takes_too_long_is_named() -> None:
    golds = ["2y", r"\binom{99999999}{9999999}x", "5", r"\frac{x"]
    assert unreadable(golds) == {1: "takes too long to work out", 3: "cannot be read as LaTeX"}


def test_one_file_gives_two_splits_that_never_meet(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"question": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(200)]
    path.write_text("\n".join(map(json.dumps, rows + rows)))
    env = envgym.make("puzzles/math-v1", rows=str(path))
    train, test = ({t.key for t in env.tasks(s)} for s in ("train", "test"))
    assert (len(train) + len(test), train & test) == (200, set())
    assert 20 < len(test) < 60


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"rows": "nowhere.jsonl"}, "no file nowhere.jsonl"),
        ({"test_rows": "x.jsonl"}, "needs rows=PATH"),
        ({"topics": ["algebra"]}, "no topic 'algebra'"),
        ({"levels": [6]}, "levels must be"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        envgym.make("puzzles/math-v1", **kwargs)


def test_without_the_library_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envgym.environments.puzzles.math.environment.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=re.escape("pip install 'envgym[math]'")):
        envgym.make("puzzles/math-v1")


async def test_a_box_in_a_message_is_an_answer() -> None:
    async with envgym.make("puzzles/math-v1", topics=["arithmetic"]) as env:
        await env.reset(seed=0)
        wrong = await env.step(Action(r"It is \boxed{1+1}, \boxed{2+2}."))
        assert wrong.observation.text.endswith("1 attempt left.")
        right = await env.step(Action(rf"So \boxed{{{env.task.hidden['answer']}}}."))
        assert (right.terminated, right.info["score"]) == (True, 1.0)
    assert last_boxed(r"\boxed{\frac{1}{2}") is None
    assert last_boxed(r"\boxed{1} and \boxed{\frac{1}{2}}.") == r"\frac{1}{2}"


@pytest.mark.parametrize(
    ("gold", "answer", "told"),
    [
        ("12", "13", "your last answer is too large."),
        ("12", "-12", "the sign of your last answer is wrong."),
        ("12", "6 + 6", "your last answer has the wrong form: The answer is to be one number"),
        ("12", "x", "your last answer has the wrong form: The answer is to be one number"),
        ("-2, 3", "3", "your last answer is a whole number of 1 digit, and a list of 2 is asked"),
        ("-2, 3", "2, 3", "of the 2 parts of your last answer 1 are right."),
        ("-2, 3", "-2, 3, 4", "your last answer has 3 parts, the right one 2."),
        ("2x + 5", "2x + 4", "your last answer has 2 terms, of which 1 are right; 2 are asked"),
    ],
)
async def test_hints_say_what_is_wrong_with_an_answer(gold: str, answer: str, told: str) -> None:
    task = Task({"question": "Which?", "topic": "pair"}, {"answer": gold, "steps": ["Think."]})
    async with envgym.make("puzzles/math-v1") as env:
        by_call = await attempted(env, task, Action.call("answer", text=answer))
        by_box = await attempted(env, task, Action(f"So \\boxed{{{answer}}}."))
        for attempt in (by_call, by_box):
            plan, feedback, *cues = env.hints(attempt)
            assert feedback.startswith(f"Hint: {told}")
            assert plan == "Hint: Think."
            assert not any(gold in cue for cue in cues)
