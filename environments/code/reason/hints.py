"""Hints for an exercise, weakest first; never the whole answer."""

from __future__ import annotations

from typing import Any

from envgym.environments.code.hints import parts
from envgym.environments.code.reason.exercise import Answer, Kind
from envgym.sandboxes.graders.harness.plain_values import decode

_WORTH_HALVING = 6


def hints(kind: Kind, answer: Answer) -> list[str]:
    """Hints for an exercise of a kind."""
    if kind == "induction":
        plan = [f"Hint: it does this: {sentence}." for sentence in answer.plan]
        begun = [f"Hint: it begins like this:\n```\n{part}\n```" for part in parts(answer.program)]
        return plan + begun
    first = answer.pairs[0]
    if kind == "deduction":
        found = [f"Hint: the output is {_kind_of(first.output)}."]
    else:
        kinds = " and ".join(_kind_of(arg) for arg in first.arguments.args)
        found = [f"Hint: it takes {kinds or 'no argument'}."]
    found += [f"Hint: one step of it is: {sentence}." for sentence in answer.plan]
    if len(answer.text) >= _WORTH_HALVING:
        found.append(f"Hint: a right answer begins with {answer.text[: len(answer.text) // 2]}")
    return found


def _kind_of(wire: Any) -> str:
    value = decode(wire)
    if value is None:
        return "None"
    size = f" of {len(value)}" if isinstance(value, list | tuple | dict | set) else ""
    return f"a value of type {type(value).__name__}{size}"
