"""One relation read off a page, as the extraction patterns hand it on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """`relation` holds between the page and `object`, which stands verbatim in `sentence`.

    `golds` are the accepted spellings of the object, the best first.
    """

    relation: str
    object: str
    golds: tuple[str, ...]
    sentence: str


def only_unanimous(candidates: Iterable[Found]) -> list[Found]:
    """The candidates of each relation on which the page agrees with itself, one a relation.

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
