"""Hints for a programming problem, weakest first: a plan, the failure, parts of a reference.

At most two thirds of a reference's lines are shown, never the last one. A failed hidden test is
described by the kind of its input only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envgym.environments.code.problem import Problem
from envgym.sandboxes.graders import Status, Verdict
from envgym.sandboxes.graders.harness.plain_values import decode
from envgym.sandboxes.graders.verdict import WORDS

SHARES = (1 / 3, 2 / 3)
_LONG_TEXT = 200


def hints(problem: Problem, verdict: Verdict | None) -> list[str]:
    """Hints for a problem.

    Args:
        problem: The problem.
        verdict: Verdict on the last program submitted or tested, if any.
    """
    found = [f"Hint: {sentence}." for sentence in problem.plan]
    if verdict is not None and not verdict.passed:
        found.append(f"Hint: {_failure(problem, verdict)}.")
    found += [
        f"Hint: a right program begins like this:\n```\n{part}\n```"
        for part in parts(problem.reference)
    ]
    return found


def _failure(problem: Problem, verdict: Verdict) -> str:
    """Description of the first failure."""
    case = verdict.first_failure
    if case is None:
        return "the program was stopped before a test failed: see that it runs at all"
    what = {
        Status.WRONG: "gives a wrong result",
        Status.RE: "raises an exception or ends early",
        Status.TLE: "takes too long",
    }.get(case.status, f"fails ({WORDS[case.status]})")
    kind = problem.suite.kind
    index = [id(one) for one in verdict.cases].index(id(case))
    if not case.hidden or kind == "asserts":
        which = "a test that you were not shown" if case.hidden else "a test that you can see"
        return f"for {which} the program {what}"
    rows = problem.suite.public + problem.suite.hidden
    row = rows[index] if index < len(rows) else None
    return f"for {_about(kind, row)} the program {what}"


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
    """Beginnings of the reference, by the shares in `SHARES`."""
    lines = reference.strip("\n").splitlines()
    shown = 0
    for share in SHARES:
        count = min(int(len(lines) * share), len(lines) - 1)
        if count > shown:
            shown = count
            yield "\n".join(lines[:count])
