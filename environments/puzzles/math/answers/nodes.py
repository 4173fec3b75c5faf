"""Kinds of answers, as data classes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from envgym.environments.puzzles.math.answers.units import Unit


@dataclass(frozen=True)
class Formula:
    """A value.

    Attributes:
        text: Without its unit.
        number: Its value where it is a number that is worked out.
        unit: Behind it, or the currency before it.
        product: The whole text, where what reads as a unit may be a factor: ``5m``.
    """

    text: str
    number: Fraction | None = None
    unit: Unit | None = None
    product: str = ""


@dataclass(frozen=True)
class Words:
    """An answer in words, folded: a name, a letter, yes."""

    text: str


@dataclass(frozen=True)
class Group:
    """Several answers. `brackets` is "", ":", "{}", "()", "[)" …, "row", "column" or "matrix"."""

    brackets: str
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Union:
    """Sets joined by ∪, in any order."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Named:
    """``name = value`` or ``name ∈ value``."""

    name: str
    value: Node


@dataclass(frozen=True)
class Relation:
    """An equation or inequality whose left side is no bare name."""

    left: str
    sign: str
    right: str


Node = Formula | Words | Group | Union | Named | Relation
