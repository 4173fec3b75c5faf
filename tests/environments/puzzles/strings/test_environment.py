"""Compositions of string functions: what is shown is what is judged, and nothing is given away."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

import envgym
from envgym import Action, Task
from envgym.environments.puzzles.strings.chain import MAX_LENGTH, compose, run_call
from envgym.environments.puzzles.strings.functions import FUNCTIONS, HELD_OUT
from envgym.errors import ToolError, UsageError
from envgym.pytest_plugin import envgym_checks
from tests.environments.played import attempted

test_contract = envgym_checks("puzzles/strings-v1", levels=[1, 4, 8], run=True, company=200)


@pytest.mark.parametrize("level", range(1, 9))
def test_python_agrees_with_the_answer(level: int) -> None:
    """The text that an agent reads, run as it stands, gives the gold."""
    env = envgym.make("puzzles/strings-v1", levels=[level])
    tasks = env.tasks("train")
    for index in range(30):
        task = tasks[index]
        source, _, question = env.puzzle(task).rpartition("\n\nWhat does ")
        scope: dict[str, Any] = {}
        exec("import math\n" + source, scope)  # our own text, of our own functions
        assert scope["main_solution"](task.data["x"]) == task.hidden["answer"], source
        assert question == f'main_solution("{task.data["x"]}") return?'


@pytest.mark.parametrize("level", range(1, 9))
def test_every_node_changes_what_it_is_given(level: int) -> None:
    rng = random.Random(level)
    for _ in range(50):
        chain = compose(rng, level, FUNCTIONS)
        path = [chain.x, *chain.values]
        assert len(chain.values) == level
        assert all(a != b for a, b in itertools.pairwise(path))
        assert max(map(len, path)) <= MAX_LENGTH
        assert f'"{chain.values[-1]}"' not in chain.code  # nor is it a constant of the code
        assert chain.values[-1] != chain.x


def test_every_function_comes_up_and_the_held_out_ones_where_asked() -> None:
    for pool, wanted in (("train", set(range(25)) - HELD_OUT), ("held_out", set(HELD_OUT))):
        tasks = envgym.make("puzzles/strings-v1", levels=[2], functions=pool).tasks()
        seen = {f for i in range(300) for f in tasks[i].data["functions"]}
        assert seen == wanted
    assert len(FUNCTIONS) == 25


def test_hidden_definitions_are_nowhere() -> None:
    env = envgym.make("puzzles/strings-v1", definitions=False)
    for index in range(20):
        assert env.puzzle(env.tasks()[index]).count("def ") == 1


def test_a_tokenizer_reads_what_an_agent_reads() -> None:
    env = envgym.make("puzzles/strings-v1", levels=[1])
    texts = list(env.corpus_text())
    assert texts[0] == f"{env.instructions}\n{env.puzzle(env.tasks('train')[0])}"
    assert all("main_solution" in text for text in texts)


async def test_without_run_there_is_no_such_tool() -> None:
    async with envgym.make("puzzles/strings-v1") as env:
        await env.reset(seed=0)
        assert [t.name for t in env.tools] == ["answer"]
        step = await env.step(Action.call("run", code='func_3("ba")'))
        assert "no tool 'run'" in step.observation.text


async def test_trying_the_calls_one_by_one_leads_to_the_answer() -> None:
    async with envgym.make("puzzles/strings-v1", levels=[5], definitions=False, run=True) as env:
        await env.reset(seed=3)
        seen = []
        async for action in env.oracle():
            step = await env.step(action)
            seen.append(step.observation.text)
        assert seen == [*(value for _, value in env.task.hidden["steps"]), "Right."]
        assert step.info["score"] == 1.0


async def test_the_oracle_tries_the_calls_as_often_as_it_is_asked_to() -> None:
    turns = {}
    for chance in (0.0, 0.5, 1.0):
        options = {"levels": [1], "run": True, "oracle_runs": chance}
        async with envgym.make("puzzles/strings-v1", **options) as env:
            turns[chance] = []
            for seed in range(60):
                await env.reset(seed=seed)
                turns[chance].append(len([await env.step(action) async for action in env.oracle()]))
                assert env.ended
    assert set(turns[0.0]) == {1}
    assert set(turns[1.0]) == {2}
    assert 15 < turns[0.5].count(2) < 45


def test_inputs_are_as_long_as_asked_for() -> None:
    tasks = envgym.make("puzzles/strings-v1", length=[2, 4]).tasks()
    inputs = [tasks[i].data["x"].replace("-", "") for i in range(200)]
    assert {len(x) for x in inputs} == {2, 3, 4}


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ('"ab" + "c"', "abc"),
        (' "a\\"b"+"+" ', 'a"b+'),
        ('"" + ""', ""),
        ('func_6("a", "+")', "a+"),
    ],
)
def test_run_joins_strings(code: str, value: str) -> None:
    assert run_call(code) == value


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("func_3(func_17('ab'))", "write the arguments out"),
        ('func_25("a")', "one call"),
        ('__import__("os").system("true")', "one call"),
        ("func_3(", "one call"),
        ("func_3()", "no such arguments"),
        ("func_3(1)", "no such arguments"),
        ('func_1("a", 10000000)', "no such arguments"),
        ('func_1("a", true)', "no such arguments"),
        ('func_7("a", ["b"])', "no such arguments"),
        (f'func_13("abc", "{"-" * 50}")', "no such arguments"),
        (f'func_5("abc", "{"x" * 50}")', "no such arguments"),
        (f'func_17("{"a" * 300}")', "longer than"),
        (f"func_3({'[' * 5000}", "one call"),
        ('"a" + "b" + "c"', "one call"),
        ('"a" + 1', "one call"),
        ('"a" + func_3("b")', "one call"),
        ('"\\q" + "b"', "write the arguments out"),
        (f'"{"a" * 300}" + "b"', "longer than"),
    ],
)
def test_run_runs_nothing_else(code: str, said: str) -> None:
    with pytest.raises(ToolError, match=said):
        run_call(code)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_every_function_takes_any_string(function: Any) -> None:
    rng = random.Random(0)
    extra = ["xyz"] if function.kind == "text" else function.draw(rng)
    for text in ("", "a", "Ab-1 «é»\N{PILE OF POO}", "z" * 200):
        assert isinstance(function.call(text, *extra), str)


async def test_attempts_run_out_and_case_counts() -> None:
    async with envgym.make("puzzles/strings-v1", attempts=2) as env:
        await env.reset(seed=0)
        gold = env.task.hidden["answer"]
        wrong = await env.step(Action.call("answer", text=gold.swapcase() + "x"))
        assert (wrong.reward, wrong.terminated) == (0.0, False)
        assert "1 attempt left" in wrong.observation.text
        right = await env.step(Action.call("answer", text=f' "{gold}" '))
        assert (right.reward, right.terminated, right.info["score"]) == (1.0, True, 1.0)
        await env.reset(seed=0)
        for _ in range(2):
            last = await env.step(Action.call("answer", text="no"))
        assert (last.terminated, last.info["score"]) == (True, 0.0)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"levels": [9]}, "levels must be"),
        ({"levels": []}, "levels must be"),
        ({"functions": "some"}, "functions must be"),
        ({"attempts": 0}, "attempts must be"),
        ({"length": [1, 3]}, "length must be"),
        ({"length": [5, 4]}, "length must be"),
        ({"length": [5]}, "length must be"),
        ({"oracle_runs": 1.5}, "oracle_runs is a chance"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        envgym.make("puzzles/strings-v1", **kwargs)


def test_no_puzzle_is_in_two_splits() -> None:
    env = envgym.make("puzzles/strings-v1", levels=[1])
    shown = [{str(env.tasks(s)[i].data) for i in range(400)} for s in ("train", "test")]
    assert not shown[0] & shown[1]
    with pytest.raises(UsageError, match="no split 'dev'"):
        env.tasks("dev")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("abc", "is only the input: step 1 of 2 comes next."),
        ("cba", "is only the value after step 1: step 2 of 2 comes next."),
        ("ccba", "has 4 characters, the right one 6; the first 3 agree."),
        ("ccbbab", "goes wrong at character 6 of 6."),
    ],
)
async def test_hints_say_where_an_answer_stopped(answer: str, told: str) -> None:
    steps = [['func_17("abc")', "cba"], ['func_14("cba")', "ccbbaa"]]
    data = {"code": "func_14(func_17(x))", "x": "abc", "functions": [14, 17]}
    task = Task(data, {"answer": "ccbbaa", "steps": steps})
    async with envgym.make("puzzles/strings-v1") as env:
        attempt = await attempted(env, task, Action.call("answer", text=answer))
        plan, feedback, *cues = env.hints(attempt)
    assert feedback == f"Hint: your last answer {told}"
    assert plan.startswith("Hint: work from the inside out, in 2 steps. func_14 writes each")
    assert cues == [
        'Hint: func_17("abc") gives cba.',
        'Hint: the last step is func_14("cba").',
        'Hint: answer(text="ccb…") begins right, and has 6 characters.',
    ]
