"""Statements of knights and knaves: a grammar with truth values and English forms.

A statement is JSON: ``["knight", i]``, ``["knave", i]``, ``["not", s]``, ``["and", s, t]``, and
likewise ``or``, ``if`` and ``iff``. The English form puts inner compounds into brackets, because an
ambiguous sentence would give the puzzle two solutions.
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
    """Random statement of `speaker`, nested at most `depth` deep; never "I am a knave".

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
    """Truth value of a statement, where ``knights[i]`` says that person i is a knight."""
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
    """English form of a statement."""
    kind, *parts = statement
    if kind in ("knight", "knave"):
        return f"{names[parts[0]]} is a {kind}"
    inner = [
        english(part, names) if part[0] in ("knight", "knave") else f"({english(part, names)})"
        for part in parts
    ]
    return f"it is not true that {inner[0]}" if kind == "not" else _ENGLISH[kind].format(*inner)
