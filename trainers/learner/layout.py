"""Layouts: rows of tokens as one sequence, without padding, common prefixes only once.

Everything in a transformer but attention looks at one token alone, so the tokens of all rows can
run in one line, each with the position that it has in its own row. Attention is cut into segments:
a row, or, where several rows begin alike (the prompt of a group, the tool descriptions of all
episodes, a rewritten history), their common part and then the rest of each row. A
segment attends to those before it in its row, and causally to itself.

Which prefixes are shared is decided once for all rows of a batch, so that the size of every part of
it is known before it is laid out.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass
class Layout:
    """Layout of rows in one sequence.

    Attributes:
        ids, positions: Each token's id, and its position in its row, int64 [N].
        places: For each row its tokens' indices in the sequence, int64 [T].
        sizes: Number of tokens per segment, in the order of the sequence.
        before: For each segment, the segments of its row that come before it.
        calls: Number of attention layers that have run on the layout.
        mask: Block mask of the whole sequence, where one kernel computes attention.
    """

    ids: Ids
    positions: Ids
    places: list[Ids]
    sizes: list[int]
    before: list[tuple[int, ...]]
    calls: int = 0
    mask: Any = None


class SharedPrefixes:
    """Prefixes that the rows of a batch share, chosen by what they cost.

    Args:
        rows: Token ids, int64 [T] each.
        token_pairs: Cost of one token outside attention, in pairs of a query and a key. Sharing
            saves tokens, but segments after a shared part compute whole blocks of pairs, where a
            row of its own computes half of them. 0 compares pairs alone.

    Attributes:
        rank: For each row its place among the rows sorted by their tokens.
    """

    def __init__(self, rows: Sequence[Ids], token_pairs: float = 0.0) -> None:
        order = sorted(range(len(rows)), key=lambda i: (rows[i].astype(">i8").tobytes(), i))
        self._rows = [rows[i] for i in order]
        self._lengths = [len(row) for row in self._rows]
        self.rank = np.argsort(order).tolist()
        common = np.array([_common(a, b) for a, b in pairwise(self._rows)], np.int64)
        self._shared = _worth_sharing(np.array(self._lengths), common, token_pairs)

    def added_tokens(self, taken: Sequence[int], rank: int) -> int:
        """Tokens that a row adds to a layout of the rows of the sorted ranks `taken`."""
        at = bisect(taken, rank)
        left = int(self._shared[taken[at - 1] : rank].min()) if at else 0
        right = int(self._shared[rank : taken[at]].min()) if at < len(taken) else 0
        return self._lengths[rank] - max(left, right)

    def with_rows(self, taken: Sequence[int], ranks: Iterable[int]) -> tuple[list[int], int]:
        """The sorted ranks of `taken` and of `ranks`, and the tokens that the new ones add."""
        union, size = list(taken), 0
        for rank in ranks:
            size += self.added_tokens(union, rank)
            insort(union, rank)
        return union, size

    def layout(self, ranks: Sequence[int]) -> Layout:
        """Lay out the rows of these ranks; `Layout.places` has them in the order given."""
        order = np.argsort(ranks)
        taken = np.asarray(ranks, np.int64)[order]
        shared = self._shared[: taken[-1]]
        if len(taken) > 1:
            shared = np.minimum.reduceat(shared, taken[:-1])
        builder = _Builder([self._rows[rank] for rank in ranks])
        builder.add(order, shared if len(taken) > 1 else np.zeros(0, np.int64))
        return Layout(
            np.concatenate(builder.ids),
            np.concatenate(builder.positions),
            [np.concatenate(parts) for parts in builder.places],
            [len(part) for part in builder.ids],
            builder.before,
        )


def lay_out(rows: Sequence[Ids], token_pairs: float = 0.0) -> Layout:
    """Lay rows out as one sequence; arguments as for `SharedPrefixes`."""
    prefixes = SharedPrefixes(rows, token_pairs)
    return prefixes.layout(prefixes.rank)


def _worth_sharing(lengths: Ids, common: Ids, token_pairs: float) -> Ids:
    """Number of tokens that sorted neighbours share, int64 [rows - 1], where `common` are equal."""
    shared = np.zeros(len(common), np.int64)
    left = [(0, len(lengths), 0)]  # a long chain of rows is a deep tree
    while left:
        first, last, depth = left.pop()
        if last - first < 2:
            continue
        alike = common[first : last - 1]
        width = int(alike.min())
        if _pays(lengths[first:last], depth, width, token_pairs):
            depth = width
        cuts = np.flatnonzero(alike == width) + first
        shared[cuts] = depth
        left += [(a, b, depth) for a, b in pairwise([first, *(cuts + 1).tolist(), last])]
    return shared


def _pays(lengths: Ids, depth: int, shared: int, token_pairs: float) -> bool:
    """Return whether computing columns `depth` to `shared` once for all rows costs less."""
    if shared == depth:
        return False
    apart = _pairs(lengths, depth).sum()
    together = _pairs(lengths, shared).sum() + _pairs(np.array([shared]), depth).sum()
    saved = (len(lengths) - 1) * (shared - depth) * token_pairs
    return bool(saved > together - apart)


def _pairs(lengths: Ids, before: int) -> NDArray[np.float64]:
    """Number of query-key pairs per row from column `before` on; whole blocks under a mask."""
    new = (lengths - before).astype(np.float64)
    return new * lengths if before else new * new / 2


def _common(one: Ids, two: Ids) -> int:
    width = min(len(one), len(two))
    differs = np.flatnonzero(one[:width] != two[:width])
    return int(differs[0]) if len(differs) else width


@dataclass
class _Builder:
    """Builder of a layout's segments."""

    rows: Sequence[Ids]
    ids: list[Ids] = field(default_factory=list)
    positions: list[Ids] = field(default_factory=list)
    before: list[tuple[int, ...]] = field(default_factory=list)
    total: int = 0

    def __post_init__(self) -> None:
        self.places: list[list[Ids]] = [[] for _ in self.rows]

    def add(self, order: Ids, shared: Ids) -> None:
        """Lay out the rows of `order`; neighbours share the numbers of tokens in `shared`."""
        left: list[tuple[Ids, Ids, int, tuple[int, ...]]] = [(order, shared, 0, ())]
        while left:
            order, shared, depth, before = left.pop()
            if len(order) == 1:
                self._segment(order, depth, len(self.rows[order[0]]), before)
                continue
            width = int(shared.min())
            before = self._segment(order, depth, width, before)
            ends = [*np.flatnonzero(shared == width) + 1, len(order)]
            parts = [
                (order[begin:end], shared[begin : end - 1], width, before)
                for begin, end in pairwise([0, *ends])
            ]
            left += reversed(parts)

    def _segment(
        self, order: Ids, first: int, last: int, before: tuple[int, ...]
    ) -> tuple[int, ...]:
        if first == last:  # a row that is the beginning of another one
            return before
        place = np.arange(self.total, self.total + last - first)
        for row in order:
            self.places[row].append(place)
        self.ids.append(self.rows[order[0]][first:last])
        self.positions.append(np.arange(first, last))
        self.before.append(before)
        self.total += last - first
        return (*before, len(self.ids) - 1)
