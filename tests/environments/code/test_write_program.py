"""The environment: what its tools answer, what it rewards, what its hints say, what is a fault."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import envgym
from envgym import Action
from envgym.environments.code.judge import Bounds
from envgym.environments.code.prompts import outcome_in_words
from envgym.environments.code.sandbox_queue import QueuedPool
from envgym.errors import Fault, UsageError
from envgym.pytest_plugin import envgym_checks
from envgym.sandboxes import Outcome, Result, open_backend
from tests.environments.code.conftest import SOLUTION, about_total
from tests.environments.played import attempted

HALF = "def total(numbers):\n    return 6 if len(numbers) > 1 else 7\n"


test_contract = pytest.mark.usefixtures("one_zygote")(
    envgym_checks("code/python-v1", episodes=2, company=40)
)


async def play(kind: str, *actions: Action, **kwargs: Any) -> list[envgym.StepResult]:
    async with envgym.make("code/python-v1", **kwargs) as env:
        await env.reset(seed=0, options={"task": about_total(kind).task("train")})
        return [await env.step(action) for action in actions]


def submit(code: str) -> Action:
    return Action.call("submit", code=code)


@pytest.mark.usefixtures("boxes")
async def test_running_shows_output_errors_and_the_end() -> None:
    steps = await play(
        "io",
        Action.call("run", code="print(input()[::-1])", stdin="abc\n"),
        Action.call("run", code="print('\\udcff')\n"),
        Action.call("run", code="import sys\nsys.stdout.buffer.write(b'\\xff\\xfe')"),
        Action.call("run", code="while True: print('x' * 100000)"),
        Action.call("run", code="import os\nos._exit(3)"),
        Action.call("run", code="x" * 200_000),
        Action.call("run", code="\ud800"),
        Action.call("test"),
        time_s=2.0,
    )
    said = [step.observation.text for step in steps]
    assert said[0] == "It ended well.\nOutput:\ncba\n"
    assert said[1] == "It ended well.\nOutput:\n\ufffd\n"
    assert said[2] == "It ended well.\nOutput:\n\ufffd\ufffd"
    assert "output limit exceeded" in said[3]
    assert len(said[3]) < 10_000
    assert "exit code 3" in said[4]
    assert "longer than" in said[5]
    assert "half a character" in said[6]
    assert "0 of 1 tests" in said[7]  # of the program given last
    assert [step.info["score"] for step in steps] == [0.0] * 8


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("kind", ["io", "calls", "asserts"])
async def test_whatever_is_submitted_is_judged_in_words(kind: str) -> None:
    """No hang, no fault, no crash: a typed verdict, bounded."""
    flood = "import sys\nfor _ in range(1 << 14): sys.stdout.write('x' * (1 << 16))\n"
    steps = await play(
        kind,
        submit("while True: pass"),
        submit(f"{flood}{SOLUTION}"),
        submit("import sys\nsys.stdout.buffer.write(b'\\xff\\xfe' * 100)\nraise SystemExit"),
        submit("total = 0\n" + "total += 1\n" * 1_000_000),
        submit("\ud800"),
        time_s=1.0,
        attempts=5,
    )
    said = [step.observation.text for step in steps]
    assert "time limit exceeded" in said[0]
    assert "output limit exceeded" in said[1] or "time limit exceeded" in said[1]
    assert "longer than" in said[3]
    assert "half a character" in said[4]
    assert all(len(text) < 10_000 for text in said)
    assert [step.info["score"] for step in steps] == [0.0] * 5


@pytest.mark.usefixtures("boxes")
async def test_the_score_is_all_or_nothing_or_a_share() -> None:
    for kwargs, code, score in (
        ({}, HALF, 0.0),
        ({}, SOLUTION, 1.0),
        ({"reward": "fraction"}, HALF, 2 / 3),
        ({"reward": "fraction"}, SOLUTION, 1.0),
    ):
        (step,) = await play("calls", submit(code), **kwargs)
        assert step.info["score"] == step.reward == pytest.approx(score)
        assert step.terminated
    assert "total(" not in step.observation.text


@pytest.mark.usefixtures("boxes")
async def test_progress_is_paid_once_and_apart_from_the_score() -> None:
    wrong, right = (Action.call("test", code=code) for code in ("total = None", SOLUTION))
    steps = await play("asserts", wrong, right, wrong, right, submit(SOLUTION), progress=0.5)
    assert [step.reward for step in steps] == [0.0, 0.5, 0.0, 0.0, 1.0]
    assert [step.info["score"] for step in steps] == [0.0] * 4 + [1.0]


@pytest.mark.usefixtures("boxes")
async def test_who_passes_nothing_pays() -> None:
    (step,) = await play("calls", submit("def total(n): return -1"), penalty=0.25)
    assert (step.reward, step.info["score"]) == (-0.25, 0.0)
    (step,) = await play("calls", submit(HALF), penalty=0.25)
    assert (step.reward, step.info["score"]) == (0.0, 0.0)
    steps = await play("calls", Action(), Action(), penalty=0.25, max_turns=2)
    assert [step.reward for step in steps] == [0.0, -0.25]
    assert steps[-1].truncated


@pytest.mark.usefixtures("boxes")
async def test_more_attempts_tell_what_failed_and_hide_what_is_hidden() -> None:
    steps = await play("calls", submit(HALF), submit("1 +"), submit(SOLUTION), attempts=3)
    assert [step.terminated for step in steps] == [False, False, True]
    assert "2 of 3 tests passed.\nhidden test 2: wrong answer" in steps[0].observation.text
    assert "30" not in steps[0].observation.text
    assert "may still hand in: 2" in steps[0].observation.text
    assert "SyntaxError" in steps[1].observation.text
    assert steps[2].info["score"] == 1.0
    assert steps[2].info["metrics"]["submits"] == 3


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize(
    "text", ["```python\n{}```", "Here:\n~~~\n{}\n~~~\nDone.", "<think>x</think>{}"]
)
async def test_programs_are_taken_out_of_fences_and_thoughts(text: str) -> None:
    fenced = text.format(SOLUTION)
    shown = text.format("print('a')\n")
    steps = await play(
        "calls", Action.call("run", code=shown), Action.call("test", code=fenced), submit(fenced)
    )
    assert steps[0].observation.text == "It ended well.\nOutput:\na\n"
    assert steps[2].info["score"] == 1.0


@pytest.mark.usefixtures("boxes")
async def test_a_program_that_is_handed_in_again_is_named() -> None:
    steps = await play(
        "calls",
        Action.call("submit"),
        Action.call("test", code=HALF),
        Action.call("test"),
        Action.call("submit"),
    )
    said = [step.observation.text for step in steps]
    named = "The program given last, which begins with 'def total(numbers):', was"
    assert "no program was given yet" in said[0]
    assert not said[1].startswith("The program given last")
    assert said[2].startswith(f"{named} tested.\n")
    assert said[3].startswith(f"{named} handed in.\n")
    assert steps[3].terminated


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("kind", ["calls", "asserts"])
async def test_near_misses_fail_and_some_of_them_nearly_pass(kind: str) -> None:
    async with envgym.make("code/python-v1", reward="fraction") as env:
        task = about_total(kind).task("train")
        await env.reset(options={"task": task})
        attempts = list(env.near_misses())
        scores = []
        for attempt in attempts:
            await env.reset(options={"task": task})
            steps = [await env.step(action) for action in attempt]
            assert "Error" not in steps[-1].observation.text or attempt is attempts[0]
            scores.append(steps[-1].info["score"])
    by_heart = [pytest.approx(1 / 3)] if kind == "calls" else []
    assert scores == [0.0, 0.0, *by_heart]


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("form", ["function", "program"])
async def test_near_misses_of_generated_problems_fail(form: Any) -> None:
    async with envgym.make("code/python-v1", reward="fraction", form=form) as env:
        for index in range(3):
            await env.reset(seed=0, options={"split": "train", "index": index})
            task, scores = env.task, []
            for attempt in list(env.near_misses()):
                await env.reset(seed=0, options={"task": task})
                scores += [(await env.step(action)).info["score"] for action in attempt]
            assert scores[:2] == [0.0, 0.0]
            assert 0.0 < scores[2] < 1.0


@pytest.mark.usefixtures("boxes")
async def test_hints_get_stronger_and_never_tell_all() -> None:
    async with envgym.make("code/python-v1", levels=[3]) as env:
        await env.reset(seed=3)
        task, before = env.task, env.hints()
        wrong = await attempted(env, task, Action.call("submit", code="def solve(*a): return None"))
        after = env.hints(wrong)
        assert env.hints() == before  # the instance keeps nothing of what was judged
        reference = env.task.hidden["solution"].strip()
    assert (after[0], *after[2:]) == before
    assert after[1].startswith("Hint: for a test that you can see the program gives a wrong result")
    assert "should give" in after[1]
    assert "it gave None" in after[1]
    shown = [hint.split("```\n")[1].rstrip("`").rstrip("\n") for hint in after if "```" in hint]
    assert len(shown) == 3
    assert all(reference.startswith(part) for part in shown)
    assert len(shown[0]) < len(shown[1]) < len(shown[2]) < len(reference)


@pytest.mark.usefixtures("boxes")
async def test_hints_describe_a_hidden_test_by_its_input_alone() -> None:
    async with envgym.make("code/python-v1") as env:
        attempt = await attempted(env, about_total("calls").task("train"), submit(HALF))
        assert env.hints(attempt)[1] == (
            "Hint: for an input that you were not shown (an ordinary one) the program gives a "
            "wrong result."
        )


@pytest.mark.usefixtures("boxes")
async def test_a_broken_sandbox_is_a_fault_and_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: Any, **kwargs: Any) -> Any:
        raise Fault("the sandbox is gone", "infra")

    for action in (
        submit(SOLUTION),
        Action.call("test", code=SOLUTION),
        Action.call("run", code=""),
    ):
        with monkeypatch.context() as patched:
            async with envgym.make("code/python-v1") as env:
                await env.reset(seed=0)
                for way in ("open", "repl", "run_python"):
                    patched.setattr(QueuedPool, way, broken)
                with pytest.raises(Fault, match="is gone") as fault:
                    await env.step(action)
                assert fault.value.kind == "infra"


async def test_a_backend_that_cannot_be_is_the_callers_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with envgym.make("code/python-v1", backend="nowhere") as env:
        with pytest.raises(UsageError, match="no sandbox backend"):
            await env.reset(seed=0)

    async def refused(*args: Any, **kwargs: Any) -> Any:
        raise UsageError("no boxes here")

    monkeypatch.setattr(
        "envgym.sandboxes.backends.namespace.backend.NamespaceBackend.open", refused
    )
    async with envgym.make("code/python-v1") as env:
        with pytest.raises(UsageError, match="no boxes here"):
            await env.reset(seed=0)


async def test_who_waits_too_long_meets_a_fault() -> None:
    async with QueuedPool(open_backend("unsafe"), Bounds().limits, 2, patience_s=0.05) as pool:
        async with pool.turn(5.0):
            with pytest.raises(Fault, match="fewer episodes"):
                async with pool.turn(5.0):
                    pass
        with pytest.raises(Fault, match="fewer episodes"):
            async with pool.turn(0.01):
                await asyncio.sleep(1.0)
        async with pool.turn(5.0):  # the place is free again
            pass


def test_results_read_the_same_however_they_ended() -> None:
    slow = outcome_in_words(Result(Outcome.TLE, None, b"a" * 5000, wall_s=5.1))
    assert slow.startswith("It was stopped: time limit exceeded.\nOutput:\naaa")
    assert "(5000 characters)" in slow


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"levels": []}, "levels must"),
        ({"levels": [0]}, "levels must"),
        ({"form": "class"}, "form must"),
        ({"reward": "some"}, "reward must"),
        ({"penalty": -1}, "negative"),
        ({"attempts": 0}, "attempts must"),
        ({"bad_rows": "keep"}, "bad_rows must"),
        ({"data_options": {"name": "x"}}, "give data"),
        ({"boxes": 1}, "boxes must"),
        ({"time_s": 0}, "time_s must"),
        ({"memory_mb": 1}, "memory_mb must"),
        ({"data": "nowhere.jsonl"}, "no file"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        envgym.make("code/python-v1", **kwargs).tasks("train")
