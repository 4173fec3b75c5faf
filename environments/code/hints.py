"""Hints for a programming problem, weakest first: a plan, the failure, parts of a reference.

A reference's last line is never shown. A failed test that the agent can see is told with its
expected and given results, a hidden one by the kind of its input only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from envgym.environments.attempts import RecordedCall, calls
from envgym.environments.code.problem import Problem
from envgym.environments.graded_hints import graded, shares
from envgym.sandboxes.graders import Status
from envgym.sandboxes.graders.harness.plain_values import decode
from envgym.sandboxes.graders.verdict import WORDS
from envgym.task import Task
from envgym.trajectory import Episode
from envgym.utils.bounded_text import bounded_start

_SHARES = (1 / 3, 2 / 3, 1.0)
_LONG_TEXT = 200
_DIGITS = 9
"""Maximum number of digits read of a test's number."""
_QUOTED = 300
"""Maximum length of a quoted failure in characters."""
_COUNT = re.compile(r"^(\d+) of (\d+) tests passed\.$", re.MULTILINE)
_CASE = re.compile(r"^(hidden )?(test|assert) (\d+): (.+)$", re.MULTILINE)
_FAILURES = {
    WORDS[Status.WRONG]: "gives a wrong result",
    WORDS[Status.RE]: "raises an exception or ends early",
    WORDS[Status.TLE]: "takes too long",
}


def hints(task: Task, attempt: Episode | None) -> tuple[str, ...]:
    """Plan, failure of the last program that was tested or submitted, parts of the reference."""
    problem = Problem.of(task)
    plan = "; ".join(problem.plan) or "write down what each public test asks for before you begin"
    begun = [
        f"test a program that begins like this:\n```\n{part}\n```"
        for part in parts(problem.reference)
    ]
    return graded(task, attempt, f"{plan}.", _failure(problem, attempt), begun)


def _failure(problem: Problem, attempt: Episode | None) -> str:
    """Description of the first failure that the last verdict of an attempt shows."""
    judged = [call for call in calls(attempt, "test", "submit") if not call.refused]
    if not judged:
        run = any(not call.refused for call in calls(attempt, "run"))
        return "no program was tested or submitted: call test, then submit." if run else ""
    return _told(problem, judged[-1])


def _told(problem: Problem, call: RecordedCall) -> str:
    count = _COUNT.search(call.reply)
    if count is None:
        return ""
    if count[1] == count[2]:
        return "the last program passed the tests that you can see, and was not submitted."
    after = call.reply[count.end() :].strip()
    case = _CASE.search(after)
    if case is None:
        return f"no test ran: {bounded_start(after, _QUOTED)}"
    what = _FAILURES.get(case[4], f"fails ({bounded_start(case[4], _QUOTED)})")
    if not case[1]:
        detail = bounded_start(after[case.end() :].strip(), _QUOTED)
        return f"for a test that you can see the program {what}:\n{detail}"
    if problem.suite.kind == "asserts":
        return f"for a test that you were not shown the program {what}."
    rows = problem.suite.public + problem.suite.hidden
    number = int(case[3][:_DIGITS])
    row = rows[number - 1] if 0 < number <= len(rows) else None
    return f"for {_about(problem.suite.kind, row)} the program {what}."


def _about(kind: str, row: Any) -> str:
    """Kind of input of a hidden test."""
    if row is None:
        return "a test that you were not shown"
    traits = list(_input_traits(row["stdin"]) if kind == "io" else _traits(decode(row["args"])))
    return f"an input that you were not shown ({', '.join(traits) or 'an ordinary one'})"


def _input_traits(text: str) -> Iterator[str]:
    lines = text.splitlines()
    if any(not line for line in lines) or not lines:
        yield "with an empty line"
    if len(text) > _LONG_TEXT:
        yield "a long one"
    if any(word.startswith("-") and word[1:].isdigit() for word in text.split()):
        yield "with negative numbers"
    if any(len(set(line.split())) < len(line.split()) for line in lines):
        yield "with something in it twice"


def _traits(args: Any) -> Iterator[str]:
    for value in args:
        if isinstance(value, str | list | tuple | set | dict) and len(value) < 2:
            yield "with an empty value" if not value else "with a value of one member"
        if isinstance(value, str) and value.lower() != value:
            yield "with capital letters"
        members = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(m, int | float) and m < 0 for m in members):
            yield "with negative numbers"
        if isinstance(value, list) and len({repr(m) for m in value}) < len(value):
            yield "with something in it twice"


def parts(reference: str) -> Iterator[str]:
    """Beginnings of the reference, by the shares in `_SHARES`; never its last line."""
    lines = reference.strip("\n").splitlines()
    for count in shares(len(lines), *_SHARES):
        yield "\n".join(lines[:count]).rstrip()
