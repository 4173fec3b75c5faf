"""Knights & Knaves puzzles with exactly one solution.

As in "On Memorization of LLMs in Logical Reasoning" (mem-kk-logic): draw the statements, try every
assignment of kinds, and keep the puzzle if exactly one is consistent.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from envgym.environments.puzzles.knights.statements import Statement, draw, holds

MAX_PEOPLE = 8
# fmt: off
NAMES = (
    "Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivo", "Jack", "Kim", "Lena",
    "Max", "Nora", "Otto", "Pia", "Quinn", "Rosa", "Sam", "Tess", "Uma", "Vera", "Emma", "Xena",
    "Yara", "Zoe", "Abel", "Bela", "Cora", "Dora", "Emil", "Fred", "Gina", "Hugo", "Ida", "Jonas",
    "Kaya", "Luca", "Mona", "Nils", "Olga", "Paul", "Ravi", "Sven", "Toni", "Ulla", "Viktor",
    "Wanda", "Yusuf", "Zara",
)
# fmt: on


def misfits(statements: Sequence[Statement], knights: Sequence[bool]) -> list[int]:
    """People whose statement contradicts their kind: lying knights, truthful knaves."""
    return [i for i, said in enumerate(statements) if holds(said, knights) != knights[i]]


def solutions(statements: Sequence[Statement]) -> list[tuple[bool, ...]]:
    """All consistent assignments of kinds."""
    ways = itertools.product((True, False), repeat=len(statements))
    return [way for way in ways if not misfits(statements, way)]


def unique_puzzle(
    rng: random.Random, people: int, depth: int
) -> tuple[list[Statement], tuple[bool, ...]]:
    """Statements of `people` people with exactly one solution, and the solution."""
    while True:
        statements = [draw(rng, i, people, depth) for i in range(people)]
        found = solutions(statements)
        if len(found) == 1:
            return statements, found[0]
