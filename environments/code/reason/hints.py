"""Hints for an exercise, weakest first; never the whole answer."""

from __future__ import annotations

from typing import Any

from envgym.environments.attempts import calls
from envgym.environments.code.hints import parts
from envgym.environments.code.reason.exercise import Answer, Kind
from envgym.environments.code.reason.literals import NotLiteral, arguments_of, value_of
from envgym.environments.graded_hints import OPEN, agreement, call_text, graded, shares
from envgym.parsing.fences import PYTHON, code_of
from envgym.sandboxes.graders.harness.plain_values import decode
from envgym.task import Task
from envgym.trajectory import Episode
from envgym.utils.bounded_text import bounded_start

_QUOTED = 200
"""Maximum length of a quoted verdict in characters."""
_OF_VALUES = PYTHON | {"text", "txt", "plaintext", "output", "json"}


def hints(task: Task, attempt: Episode | None) -> tuple[str, ...]:
    """Type of the answer and steps of the program, flaw of an answer, parts of the answer."""
    kind: Kind = task.data["kind"]
    answer = Answer.of(task)
    steps = "; ".join(answer.plan)
    flaw = _flaw(kind, answer, attempt)
    if kind == "induction":
        begun = [f"it begins like this:\n```\n{part}\n```" for part in parts(answer.program)]
        plan = f"it does this: {steps}." if steps else "compare the pairs: what do all keep?"
        return graded(task, attempt, plan, flaw, begun)
    first = answer.pairs[0]
    if kind == "deduction":
        plan = f"the output is {_kind_of(first.output)}."
    else:
        kinds = " and ".join(_kind_of(arg) for arg in first.arguments.args)
        plan = f"it takes {kinds or 'no argument'}."
    told = ["; ".join(answer.plan[:count]) for count in (*shares(len(answer.plan), 0.5), None)]
    cues = [f"the program does this: {text}." for text in told if text]
    for count in shares(len(answer.text), 0.5, 0.75):
        cues.append(f"{call_text('answer', text=answer.text[:count] + OPEN)} begins right.")
    return graded(task, attempt, plan, flaw, cues)


def _flaw(kind: Kind, answer: Answer, attempt: Episode | None) -> str:
    """The first thing that is wrong with the last answer: its form, its type or a member."""
    given = calls(attempt, "answer")
    if not given:
        return ""
    said = bounded_start(" ".join(given[-1].reply.split()), _QUOTED)
    if kind == "induction":
        return f"of your last program it was said: {said}"
    text = code_of(given[-1].text("text"), _OF_VALUES)
    first = answer.pairs[0]
    try:
        if kind == "deduction":
            return f"your last answer is {_difference(value_of(text), first.output)}."
        args = arguments_of(text).args
    except NotLiteral as error:
        return f"your last answer cannot be read: {error}."
    wanted = first.arguments.args
    if len(args) != len(wanted):
        return f"your last answer has {len(args)} arguments, and f takes {len(wanted)}."
    for number, (one, other) in enumerate(zip(args, wanted, strict=True), 1):
        if type(decode(one)) is not type(decode(other)):
            return f"argument {number} of your last answer is no {type(decode(other)).__name__}."
    return "your last answer has the right types, and f gives another output for it."


def _difference(given: Any, right: Any) -> str:
    """First difference of a value from the right one, in words."""
    one, other = decode(given), decode(right)
    if type(one) is not type(other):
        return f"{_kind_of(given)}, and the output is {_kind_of(right)}"
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other):
            return f"{_kind_of(given)}, and the output is {_kind_of(right)}"
        pairs = enumerate(zip(one, other, strict=True))
        place = next((n for n, (a, b) in pairs if repr(a) != repr(b)), 0)
        return f"wrong at index {place}, the first of its members that is"
    if isinstance(one, int | float) and isinstance(other, int | float) and one != other:
        return "too large" if one > other else "too small"
    if not isinstance(one, str):
        return "of the right type, and not the right value"
    return f"wrong after the first {agreement(one, other)} of {len(other)} characters"


def _kind_of(wire: Any) -> str:
    value = decode(wire)
    if value is None:
        return "None"
    size = f" of {len(value)}" if isinstance(value, list | tuple | dict | set) else ""
    return f"a value of type {type(value).__name__}{size}"
