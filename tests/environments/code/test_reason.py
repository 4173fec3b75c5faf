"""Reasoning about programs: what counts as an answer, as a program, as a seed."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import envgym
from envgym import Action
from envgym.environments.code.data.formats.row import BadRow
from envgym.environments.code.judge import Bounds
from envgym.environments.code.reason.dataset import Exercises, Seeds
from envgym.environments.code.reason.exercise import Answer, Exercise, Pair
from envgym.environments.code.reason.generated_exercises import generated
from envgym.environments.code.reason.literals import (
    Arguments,
    NotLiteral,
    arguments_of,
    value_of,
)
from envgym.environments.code.reason.program_rules import broken_rules
from envgym.environments.code.reason.seed_files import Seed, all_of, re_executed
from envgym.errors import UsageError
from envgym.pytest_plugin import envgym_checks
from tests.environments.played import attempted
from tests.machine import data_file

LIMITS = Bounds(time_s=20).limits
DOUBLE = Exercise(
    "def f(n, m=0):\n    return [2 * n, m]\n",
    tuple(Pair(Arguments((n,)), [2 * n, 0]) for n in range(4)),
)


test_contract = pytest.mark.usefixtures("one_zygote")(
    envgym_checks("code/reason-v1", episodes=2, company=40)
)


async def answered(kind: Any, *texts: str, **kwargs: Any) -> list[envgym.StepResult]:
    async with envgym.make("code/reason-v1", time_s=20, attempts=len(texts), **kwargs) as env:
        await env.reset(options={"task": DOUBLE.task(kind, "train")})
        return [await env.step(Action.call("answer", text=text)) for text in texts]


def test_arguments_are_read_and_never_spliced() -> None:
    assert arguments_of("1, 'a', b=[2.0]") == Arguments((1, "a"), (("b", [2.0]),))
    assert arguments_of("(1, 2)") == Arguments(({"t": [1, 2]},))
    assert arguments_of("") == Arguments(())
    assert arguments_of("-1, set(), {1: (None,)},").text() == "-1, set(), {1: (None,)}"
    for text in (
        "0) or (True",
        "1), (2",
        "1) + _f(2",
        "*[1]",
        "**{'a': 1}",
        "x",
        "[n for n in (1,)]",
        "lambda: 1",
        "__import__('os')",
        "1; 2",
        "1\n)\n_f(2",
        "f'{1}'",
        "(" * 5000,
        "-" * 9000 + "1",
        "1 +" * 5000 + "1",
        "9" * 10_000,
        "x" * 30_000,
        "\0",
        "\ud800",
        "1 # )",
    ):
        if text == "1 # )":
            assert arguments_of(text) == Arguments((1,))
            continue
        with pytest.raises(NotLiteral):
            arguments_of(text)


def test_values_are_literals_of_plain_types() -> None:
    assert value_of(" (1, True) ") == {"t": [1, True]}
    for text in ("", "1, 2 if x else 3", "print(1)", "...", "True == True", "[1, Ellipsis]"):
        with pytest.raises(NotLiteral):
            value_of(text)


@pytest.mark.parametrize(
    ("program", "broken"),
    [
        ("def f(x):\n    return x", ""),
        ("class A:\n    def g(self): return 1\ndef h(): return A().g()\ndef f(x): return h()", ""),
        ("import math, re\nfrom collections import Counter\ndef f(x): return x", ""),
        ("def g(x): return x", "one function f at its top, not 0"),
        ("def f(x): return 1\ndef f(x): return 2", "not 2"),
        ("async def f(x): return 1", "not be async"),
        ("def f(x): return random.random()\nimport random", "imports random"),
        ("def f(x):\n    from os import path\n    return 1", "imports os"),
        ("import os.path as p\ndef f(x): return 1", "imports os.path"),
        ("from . import x\ndef f(x): return 1", r"imports \."),
        ("def f(x): return hash(x)", "uses hash"),
        ("def f(input): return input", ""),
        ("def f(x):\n    id = x\n    id += 1\n    return [hash for hash in [id]]", ""),
        ("def f(x):\n    dir = x\n    def g(): return dir\n    return g()", ""),
        ("input = [1]\ndef f(x): return input[0] + x", ""),
        ("def help(x): return x\ndef f(x): return help(x)", ""),
        ("class A:\n    id = 1\n    def vars(self): return 1\ndef f(x): return A().vars()", ""),
        ("def f(x): return [vars for vars in x]", ""),
        ("def f(x):\n    try: return 1\n    except ValueError as exit: return str(exit)", ""),
        ("def f(x): return eval(x)\neval = 1", "uses eval"),
        ("if False: eval = 1\ndef f(x): return eval(x)", "uses eval"),
        ("for eval in []: pass\ndef f(x): return eval(x)", "uses eval"),
        ("eval = eval\ndef f(x): return eval(x)", "uses eval"),
        ("eval = 1\ndel eval\ndef f(x): return eval(x)", "uses eval"),
        ("eval = 1\ndef g():\n    global eval\n    del eval\ndef f(x): return eval(x)", "eval"),
        ("class A:\n    if 0: eval = 1\n    e = eval\ndef f(x): return A.e(x)", "uses eval"),
        ("def eval(x, e=eval): return e(x)\ndef f(x): return eval(x)", "uses eval"),
        ("class R:\n    def __radd__(s, e): return e\neval += R()\ndef f(x): return 1", "eval"),
        ("def f(x):\n    global exec\n    return exec(x)", "uses exec"),
        ("input = input\ndef f(x): return 1", "uses input"),
        ("def f(x): return (lambda e: e)(eval)(x)", "uses eval"),
        ("def f(x): return ().__class__.__bases__", "__class__"),
        ("def f(x): return __builtins__", "__builtins__"),
        ("def f(x:", "does not parse"),
        ("x" * 20_000, "longer than"),
        ("\0", "does not parse"),
    ],
)
def test_the_rules_are_read_off_the_tree(program: str, broken: str) -> None:
    import re

    said = "; ".join(broken_rules(program))
    assert re.search(broken, said) if broken else said == ""


@pytest.mark.usefixtures("boxes")
async def test_deduction_is_strict_about_types() -> None:
    texts = ["[0.0, 0]", "[False, 0]", "(0, 0)", "[0, 0, 0]", "f(0)", "[0, 0] or 1", "[0, 0]"]
    steps = await answered("deduction", *texts)
    assert [step.info["score"] for step in steps] == [0.0] * 6 + [1.0]
    assert steps[-1].info["metrics"]["malformed"] == 2
    assert steps[-1].reward == 1.0


@pytest.mark.usefixtures("boxes")
async def test_abduction_takes_any_input_and_no_code() -> None:
    texts = ["1", "0, 0, 0", "'a'", "0) or (True", "type('E', (), {'__eq__': 1})()", "0, m=0"]
    steps = await answered("abduction", *texts)
    assert [step.info["score"] for step in steps] == [0.0] * 5 + [1.0]
    assert steps[-1].info["metrics"]["malformed"] == 2


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize(
    ("kind", "answer"),
    [("deduction", "[0, 0]"), ("abduction", "0, m=0"), ("induction", DOUBLE.program)],
)
async def test_fences_and_thoughts_mean_the_same_everywhere(kind: str, answer: str) -> None:
    for text in (
        f"```python\n{answer}\n```",
        f"~~~\n{answer}\n~~~",
        f"It is\n```\n{answer}\n```\nindeed.",
        f"<think>\n```\n1\n```\n</think>\n{answer}",
        f"1 or 2?</think>{answer}",
    ):
        (step,) = await answered(kind, text)
        assert step.info["score"] == 1.0, (text, step.observation.text)


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("language", ["text", "output", "json", "plaintext", "py"])
async def test_a_value_in_a_fence_of_values(language: str) -> None:
    (step,) = await answered(
        "deduction", f"```python\nf(0)\n```\ngives\n```{language}\n[0, 0]\n```"
    )
    assert step.info["score"] == 1.0


@pytest.mark.usefixtures("boxes")
async def test_marks_in_a_literal_are_text() -> None:
    said = "```\n<think>\n```"
    exercise = Exercise("def f(x):\n    return x\n", (Pair(Arguments((said,)), said),))
    async with envgym.make("code/reason-v1") as env:
        for kind, text in (("deduction", repr(said)), ("abduction", f"x={said!r}")):
            await env.reset(options={"task": exercise.task(kind, "train")})  # type: ignore[arg-type]
            assert (await env.step(Action.call("answer", text=text))).info["score"] == 1.0


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("kind", ["deduction", "abduction", "induction"])
async def test_near_misses_are_wrong(kind: Any) -> None:
    async with envgym.make("code/reason-v1", time_s=20) as env:
        task = DOUBLE.task(kind, "train")
        await env.reset(options={"task": task})
        attempts = list(env.near_misses())
        assert len(attempts) > 2
        for attempt in attempts:
            await env.reset(options={"task": task})
            steps = [await env.step(action) for action in attempt]
            assert steps[-1].info["score"] == 0.0, attempt


@pytest.mark.usefixtures("boxes")
async def test_induction_has_to_hold_for_hidden_pairs_too() -> None:
    by_heart = "def f(n):\n    return {0: [0, 0], 1: [2, 0]}.get(n)"
    steps = await answered(
        "induction",
        by_heart,
        "import os\ndef f(n):\n    os._exit(0)",
        "class E(list):\n    __eq__ = lambda *a: True\ndef f(n):\n    return E()",
        "def f(n):\n    raise SystemExit(0)",
        "def f(n):\n    print([2 * n, 0])",
        "```python\ndef f(n):\n    return [n + n, 0]\n```",
    )
    assert [step.info["score"] for step in steps] == [0.0] * 5 + [1.0]
    assert "2 of 4 pairs" in steps[0].observation.text
    assert "imports os" in steps[1].observation.text


@pytest.mark.usefixtures("boxes")
async def test_rewards_are_the_papers_and_can_be_others() -> None:
    for text, kwargs, reward in (
        ("[1, 0]", {}, -0.5),
        ("what?", {}, -1.0),
        ("[1, 0]", {"wrong": 0.0}, 0.0),
        ("[0, 0]", {}, 1.0),
    ):
        (step,) = await answered("deduction", text, **kwargs)
        assert (step.reward, step.terminated) == (reward, True)
    async with envgym.make("code/reason-v1", max_turns=1) as env:
        await env.reset(seed=0)
        step = await env.step(Action())
    assert (step.reward, step.info["score"], step.truncated) == (-1.0, 0.0, True)


@pytest.mark.usefixtures("boxes")
async def test_hints_lead_on_without_the_answer() -> None:
    exercise = generated(random.Random(5), 2, "train")
    async with envgym.make("code/reason-v1") as env:
        for kind in ("deduction", "abduction", "induction"):
            task = exercise.task(kind, "train")  # type: ignore[arg-type]
            await env.reset(options={"task": task})
            found = "\n".join(env.hints())
            assert len(env.hints()) >= 3
            assert Answer.of(task).text.strip() not in found


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize(
    ("kind", "answer", "told"),
    [
        (
            "deduction",
            "[1, 2]",
            "your last answer is a value of type list of 2, and the output is a",
        ),
        (
            "deduction",
            "[9, 1, 1]",
            "your last answer is wrong at index 1, the first of its members",
        ),
        ("deduction", "'a'", "your last answer is a value of type str, and the output is a"),
        ("deduction", "what?", "your last answer cannot be read: it is no Python literal"),
        ("abduction", "1, 2", "your last answer has 2 arguments, and f takes 1."),
        ("abduction", "[1]", "your last answer has the right types, and f gives another output"),
        ("abduction", "'a'", "argument 1 of your last answer is no list."),
        ("induction", "def f(x): return 0", "of your last program it was said: 0 of 1 pairs are"),
    ],
)
async def test_hints_say_what_is_wrong_with_an_answer(kind: Any, answer: str, told: str) -> None:
    pair = Pair(Arguments(([3, 2, 1],)), [9, 4, 1])
    task = Exercise("def f(x):\n    return [i * i for i in x]", (pair,)).task(kind, "train")
    async with envgym.make("code/reason-v1") as env:
        attempt = await attempted(env, task, Action.call("answer", text=answer))
        plan, feedback, *cues = env.hints(attempt)
        assert feedback.startswith(f"Hint: {told}")
        assert (plan, *cues) == env.hints()


def seeds_file(tmp_path: Path, *rows: dict[str, Any]) -> str:
    path = tmp_path / "seeds.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def row(snippet: str, output: str, input: str = "3", **more: Any) -> dict[str, Any]:
    return {"snippet": snippet, "input": input, "output": output, "imports": [], **more}


@pytest.mark.usefixtures("boxes")
async def test_seeds_are_believed_as_far_as_they_run(tmp_path: Path) -> None:
    good = row("def f(n):\n    return math.floor(n)", "3", imports=["import math"])
    many = {
        "snippet": "def f(a, b):\n    return {a, b}",
        "inputs": ["'x', 'y'", "1, 2"],
        "outputs": ["{'y', 'x'}", "{1, 2}"],
        "message": "Both.",
        "imports": [],
    }
    bad = [
        row("def f(n):\n    return n", "4"),
        row("def f(n):\n    return n", "True", input="1"),
        row("def f(n):\n    return 1 // 0", "0"),
        row("def f(n):\n    return list({'a', 'b', 'c', 'd', 'e', 'f'})", "['a']"),
        row("def f(n):\n    while True: pass", "0"),
        row("def f(n):\n    print('x' * 9_000_000)\n    return 3", "3"),
        row("def f(n):\n    return (x for x in n)", "0", input="[]"),
        row("import random\ndef f(n):\n    return n", "3"),
        row("def f(n):\n    return n", "3", input="x"),
        row("def f(n):\n    return n", "3 +"),
        row("def f(n):\n    return 'x' * 5000", repr("x" * 5000)),
        {"snippet": "def f(n): return n", "inputs": ["1"], "outputs": [], "imports": []},
    ]
    reasons = [
        "it gives 3, not 4",
        "it gives 1, not True",
        "ZeroDivisionError",
        "another result when it is run again",
        "time limit|ends without",
        "output limit|ends without",
        "generator",
        "imports random",
        "input cannot be read",
        "output cannot be read",
        "longer than",
        "as many outputs",
    ]
    path = seeds_file(tmp_path, good, many, good, *bad)
    bounds = Bounds(time_s=1.5)
    found = Exercises.open(Seeds(path, "drop", bounds=bounds))
    assert [len(e.pairs) for e in found.exercises] == [1, 2]  # the one that is twice there: once
    said = sorted(found.dropped, key=lambda text: int(text.split("line ")[1].split(":")[0]))
    import re

    for reason, text in zip(reasons, said, strict=True):
        assert re.search(reason, text), (reason, text)
    assert len(found.split("all", ("deduction", "abduction", "induction"))) == 5
    with pytest.raises(UsageError, match="no file"):
        Exercises.open(Seeds("nowhere.jsonl"))
    with pytest.raises(
        UsageError, match=r"1 rows of .* make no exercise, 0 do: seeds.jsonl line 1"
    ):
        Exercises.open(Seeds(seeds_file(tmp_path, {"input": "1"})))


@pytest.mark.usefixtures("boxes")
def test_the_published_seeds_re_execute() -> None:
    path = data_file("azr/llama_64_seed_io.jsonl")
    seeds = [Seed.of(json.loads(line)) for line in path.read_text().splitlines()]
    found = all_of(seeds, re_executed, "namespace", {"imports": ["numpy"]}, LIMITS)
    wrong = {i: str(one) for i, one in enumerate(found, 1) if isinstance(one, BadRow)}
    assert len(seeds) == 64
    assert wrong.keys() == {3, 4, 26, 29, 53}
    assert "722 characters), not" in wrong[3]  # what is written is cut in the middle
    assert "generator" in wrong[4]
    assert "output cannot be read" in wrong[26]  # cut likewise
    assert "input cannot be read" in wrong[29]  # f(1): a call, not a value
    assert "ellipsis" in wrong[53]


@pytest.mark.usefixtures("boxes")
async def test_the_oracle_answers_every_kind() -> None:
    async with envgym.make("code/reason-v1", time_s=20) as env:
        for index in range(6):
            await env.reset(options={"split": "test", "index": index})
            async for action in env.oracle():
                step = await env.step(action)
            assert step.info["score"] == 1.0, env.task.data


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"kinds": []}, "kinds must"),
        ({"kinds": ["production"]}, "kinds must"),
        ({"levels": [0]}, "levels must"),
        ({"attempts": 0}, "attempts must"),
        ({"bad_rows": "keep"}, "bad_rows must"),
        ({"data": "nowhere.jsonl"}, "no file"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        envgym.make("code/reason-v1", **kwargs).tasks("train")


def test_tasks_read_back_what_was_written() -> None:
    exercise = generated(random.Random(1), 3, "test")
    answer = Answer.of(exercise.task("induction", "test"))
    assert (answer.program, answer.pairs) == (exercise.program, exercise.pairs)
