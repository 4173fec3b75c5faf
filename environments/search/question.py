"""Multi-hop question: text, answers, and the chain of sentences that proves it.

Generated worlds and real corpora share this type, so environments, hints, oracles and viewers have
one input.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from envgym.environments.search.scoring import normalize_answer
from envgym.utils.splits import Split, hash_split


@dataclass(frozen=True)
class Step:
    """One hop: subject --relation--> object, stated verbatim by `sentence` on the page `page`."""

    subject: str
    relation: str
    object: str
    page: str
    sentence: str


@dataclass(frozen=True)
class Question:
    """Question with all accepted answers; the object of a step is the subject of the next."""

    text: str
    golds: tuple[str, ...]
    hops: int
    chain: tuple[Step, ...]


def split_of(title: str) -> Split:
    """Split of all questions that start at a page; about a fifth of the titles are test.

    It hangs on the title alone, so no start entity is ever in both, whatever the seed.
    """
    return hash_split(title, hash_name="sha256-byte-mod-5")


def mentions(text: str, names: Iterable[str]) -> bool:
    """Return whether a text contains one of the names as whole words, normalised as for grading."""
    padded = f" {normalize_answer(text)} "
    return any(f" {normalize_answer(name)} " in padded for name in names)
