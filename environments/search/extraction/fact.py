"""Extracted fact: one relation of a page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """Fact that `relation` holds between the page and `object`, which occurs verbatim in
    `sentence`.

    `golds` are the accepted spellings of the object, the best first.
    """

    relation: str
    object: str
    golds: tuple[str, ...]
    sentence: str


def only_unanimous(candidates: Iterable[Found]) -> list[Found]:
    """Keep one candidate per relation on which the page agrees with itself.

    A candidate with an empty object says that something stands there which could not be read; it
    disputes the others and is never returned.
    """
    first: dict[str, Found] = {}
    disputed: set[str] = set()
    for candidate in candidates:
        known = first.setdefault(candidate.relation, candidate)
        if known.golds[0].casefold() != candidate.golds[0].casefold():
            disputed.add(candidate.relation)
    return [
        candidate for name, candidate in first.items() if candidate.object and name not in disputed
    ]
