"""What a multi-hop question is: its text, its answers, and the chain of sentences that proves it.

Generated worlds and real corpora make the same type, so environments, hints, oracles and viewers
read one thing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from envgym.environments.search.scoring import normalize_answer

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")


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
    """A question with every accepted answer; the object of one step is the subject of the next."""

    text: str
    golds: tuple[str, ...]
    hops: int
    chain: tuple[Step, ...]


def split_of(title: str) -> Split:
    """The split of all questions that start at this page: about a fifth of the titles are test.

    It hangs on the title alone, so no start entity is ever in both, whatever the seed.
    """
    return "test" if hashlib.sha256(title.encode()).digest()[0] % 5 == 0 else "train"


def check_split(split: str) -> None:
    """Raise ValueError unless `split` is one of SPLITS."""
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is unknown: use {' or '.join(SPLITS)}")


def mentions(text: str, names: Iterable[str]) -> bool:
    """Whether one of the names stands in the text as whole words, both normalised for grading."""
    padded = f" {normalize_answer(text)} "
    return any(f" {normalize_answer(name)} " in padded for name in names)
