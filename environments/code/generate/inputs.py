"""Test inputs of a composition: edge cases first, then ordinary values."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from envgym.environments.code.generate.step import INT, INTS, TEXT, TEXTS

_EDGES: dict[str, list[Any]] = {
    INTS: [[], [0], [7, 7, 7], [-3, -8, -3, -1]],
    TEXTS: [[], ["a"], ["tea", "tea", "to"]],
    TEXT: ["", "z", "aaab", "Never odd or even"],
    INT: [0, 1, -12],
}
_SYLLABLES = ("ba", "be", "da", "du", "el", "es", "ti", "to", "ma", "mi", "no", "ra", "ss", "st")
_ODD = ["X9", "A-b", "42", "ok!", "QQ"]


def inputs(kind: str, rng: random.Random) -> Iterator[Any]:
    """Yield values of a type without end; edge cases are shuffled into the first few."""
    edges = list(_EDGES[kind])
    rng.shuffle(edges)
    for number in range(10**9):
        if edges and number % 3 == 2:
            yield edges.pop()
        else:
            yield _draw(kind, rng)


def _draw(kind: str, rng: random.Random) -> Any:
    if kind == INT:
        return rng.randint(0, rng.choice((30, 500, 10_000)))
    if kind == INTS:
        top = rng.choice((6, 20, 50))
        return [rng.randint(-top // 3, top) for _ in range(rng.randint(3, 10))]
    words = [_word(rng) for _ in range(rng.randint(1, 6))]
    if kind == TEXTS:
        return words + rng.sample(words, rng.randint(0, min(2, len(words))))
    return " ".join(words)


def _word(rng: random.Random) -> str:
    if rng.random() < 0.12:
        return rng.choice(_ODD)
    word = "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(1, 3)))
    return word.capitalize() if rng.random() < 0.25 else word
