"""What knights and knaves say: a small grammar with a truth value and an English form.

A statement is JSON: ``["knight", i]``, ``["knave", i]``, ``["not", s]``, and ``["and", s, t]`` with
``or``, ``if`` and ``iff`` like it. Inner compounds stand in brackets: English alone would leave
open which of two readings is meant, and a puzzle with two readings has two solutions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

Statement = list[Any]
JOINED = ("and", "or", "if", "iff")
_ENGLISH = {
    "and": "{} and {}",
    "or": "{} or {}",
    "if": "if {} then {}",
    "iff": "{} if and only if {}",
}


def draw(rng: random.Random, speaker: int, people: int, depth: int) -> Statement:
    """A statement of `speaker`, nested at most `depth` deep; nobody calls himself a knave.

    As in mem-kk-logic, each of the five operators and the plain leaf are equally likely.
    """
    kind = rng.choice(("leaf", "not", *JOINED)) if depth else "leaf"
    if kind == "leaf":
        about = rng.randrange(people)
        return ["knight" if about == speaker else rng.choice(("knight", "knave")), about]
    first = draw(rng, speaker, people, depth - 1)
    if kind == "not":
        return [kind, first]
    while (second := draw(rng, speaker, people, depth - 1)) == first:
        pass
    return [kind, first, second]


def holds(statement: Statement, knights: Sequence[bool]) -> bool:
    """Whether it is true where ``knights[i]`` says that person i is a knight."""
    kind, *parts = statement
    if kind in ("knight", "knave"):
        return knights[parts[0]] == (kind == "knight")
    values = [holds(part, knights) for part in parts]
    if kind == "not":
        return not values[0]
    if kind == "and":
        return all(values)
    if kind == "or":
        return any(values)
    return values[0] == values[1] if kind == "iff" else values[1] or not values[0]


def english(statement: Statement, names: Sequence[str]) -> str:
    """It in words."""
    kind, *parts = statement
    if kind in ("knight", "knave"):
        return f"{names[parts[0]]} is a {kind}"
    inner = [
        english(part, names) if part[0] in ("knight", "knave") else f"({english(part, names)})"
        for part in parts
    ]
    return f"it is not true that {inner[0]}" if kind == "not" else _ENGLISH[kind].format(*inner)
