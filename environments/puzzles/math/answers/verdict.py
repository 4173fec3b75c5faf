"""Verdict on an answer's text, with or without algebra."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from envgym.environments.puzzles.math.answers.compare import Algebra, equal
from envgym.environments.puzzles.math.answers.latex import cleaned
from envgym.environments.puzzles.math.answers.nodes import (
    Formula,
    Group,
    Named,
    Node,
    Relation,
    Union,
)
from envgym.environments.puzzles.math.answers.structure import listed, read


class AlgebraNeeded(Exception):
    """The verdict depends on whether two formulas are equal."""


def right(gold: str, answer: str, algebra: Algebra) -> bool:
    """Return whether the answer equals the gold in one of the gold's readings."""
    if _plain(gold) == _plain(answer):
        return True
    given = read(cleaned(answer))
    return any(equal(wanted, given, algebra) for wanted in structures(gold))


def _plain(text: str) -> str:
    """Strip the marks that set text apart from mathematics."""
    return " ".join(re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", cleaned(text)).split()) or text


def at_once(gold: str, answer: str) -> bool | None:
    """Result of `right` where it needs no algebra, else None."""
    try:
        return right(gold, answer, _needed)
    except AlgebraNeeded:
        return None


def structures(gold: str) -> Sequence[Node]:
    """Readings of a gold: ``100,200`` is one number first, two numbers second."""
    text = cleaned(gold)
    several = listed(text)
    return (read(text),) if several is None else (read(text), several)


def formulas(node: Node) -> Iterator[str]:
    """Formulas in a structure that algebra has to parse."""
    match node:
        case Formula(text, number):
            if number is None:
                yield text
        case Group(_, parts) | Union(parts):
            for part in parts:
                yield from formulas(part)
        case Named(_, value):
            yield from formulas(value)
        case Relation(left, _, side):
            yield from (left, side)


def _needed(gold: str, answer: str) -> bool:
    raise AlgebraNeeded
