"""Generated programming problems: compositions of steps, as a function or as a program."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal

from envgym.environments.code.generate.compose import Example, compose
from envgym.environments.code.generate.composition import NOUNS, Composition
from envgym.environments.code.generate.step import INT, INTS, TEXT, TEXTS
from envgym.environments.code.problem import Problem, Suite, call_row

Form = Literal["function", "program", "mixed"]
FORMS = ("function", "program", "mixed")
ENTRY_POINT = "solve"
PUBLIC, HIDDEN = 3, 12

_READS = {
    INTS: "in one line with spaces between them; the line may be empty",
    TEXTS: "in one line with spaces between them; the line may be empty",
    TEXT: "in one line, which may be empty",
    INT: "in one line",
}
_READERS = {
    INTS: "[int(word) for word in input().split()]",
    TEXTS: "input().split()",
    TEXT: "input()",
    INT: "int(input())",
}
_WRITES = {
    INTS: "print the numbers in one line with spaces between them",
    TEXTS: "print each text in a line of its own",
    TEXT: "print it",
    INT: "print it",
}
_WRITERS = {
    INTS: 'print(" ".join(map(str, result)))',
    TEXTS: 'print("\\n".join(result))',
    TEXT: "print(result)",
    INT: "print(result)",
}


def generated(rng: random.Random, level: int, form: Form, split: str) -> Problem:
    """Draw a problem of a given difficulty.

    Args:
        rng: Source of all random draws.
        level: Number of steps.
        form: ``function``, ``program`` (standard input to standard output) or ``mixed``.
        split: Split of the composition.
    """
    if form == "mixed":
        form = rng.choice(("function", "program"))
    if form == "function":
        composition, examples = compose(rng, level, PUBLIC + HIDDEN, split)
        return _function(composition, examples, level)
    composition, examples = compose(rng, level, PUBLIC + HIDDEN, split, _is_seen)
    return _program(composition, examples, level)


def _is_seen(result: Any) -> bool:
    """Return whether a result prints more than white space, so that an empty program fails."""
    return bool(
        "".join(map(str, result)).strip() if isinstance(result, list) else str(result).strip()
    )


def _function(composition: Composition, examples: Sequence[Example], level: int) -> Problem:
    rows = tuple(call_row(example.args, example.result) for example in examples)
    returned = f"Return {NOUNS[composition.gives]}, the value after the last step."
    statement = "\n".join(
        [
            f"Write a function `{composition.signature(ENTRY_POINT)}`.",
            _steps(composition),
            returned,
        ]
    )
    return Problem(
        f"generated/{level}",
        statement,
        Suite("calls", rows[:PUBLIC], rows[PUBLIC:], ENTRY_POINT),
        composition.source(ENTRY_POINT),
        plan=_plan(composition),
        difficulty=level,
    )


def _program(composition: Composition, examples: Sequence[Example], level: int) -> Problem:
    parameters = composition.parameters()
    rows = tuple(
        {
            "stdin": "".join(_line(arg) for arg in example.args),
            "expected": _printed(composition.gives, example.result),
        }
        for example in examples
    )
    given = f"Read {NOUNS[composition.takes]}, {_READS[composition.takes]}"
    second = f"; then k, {NOUNS[parameters[1][1]]}, in a line of its own" if parameters[1:] else ""
    statement = "\n".join(
        [
            "Write a program that reads standard input and writes standard output.",
            f"{given}{second}.",
            _steps(composition),
            f"The value after the last step is {NOUNS[composition.gives]}: "
            f"{_WRITES[composition.gives]}.",
        ]
    )
    reads = [f"{name} = {_READERS[kind]}" for name, kind in parameters]
    call = f"result = {ENTRY_POINT}({', '.join(name for name, _ in parameters)})"
    reference = "\n".join(
        [composition.source(ENTRY_POINT), "", *reads, call, _WRITERS[composition.gives], ""]
    )
    return Problem(
        f"generated/{level}",
        statement,
        Suite("io", rows[:PUBLIC], rows[PUBLIC:]),
        reference,
        plan=_plan(composition),
        difficulty=level,
    )


def _steps(composition: Composition) -> str:
    which = {INTS: "the list", TEXTS: "the list", TEXT: "the text", INT: "the number"}
    head = f"Begin with {which[composition.takes]} and do this, one step after another:"
    return "\n".join([head, *composition.sentences()])


def _plan(composition: Composition) -> tuple[str, ...]:
    names = list(dict.fromkeys(use.step.name for use in composition.uses))
    types = [one.gives for one in composition.operations]
    return (
        f"write one small function for each step: {', '.join(names)}",
        f"check the type after each step: {', then '.join(types)}",
    )


def _line(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) + "\n"
    return f"{value}\n"


def _printed(kind: str, value: Any) -> str:
    if kind == INTS:
        return " ".join(map(str, value)) + "\n"
    return ("\n".join(value) if kind == TEXTS else str(value)) + "\n"
