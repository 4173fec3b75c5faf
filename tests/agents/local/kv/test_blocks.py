"""Blocks of the KV cache: disjoint, on their grid, with their content, and little besides."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.agents.local.kv.blocks import Block, BlockTable, Relocation

NEEDS = st.dictionaries(st.integers(0, 11), st.integers(0, 3000), max_size=12)


class Memory:
    """Columns that carry the name of who wrote them."""

    def __init__(self) -> None:
        self.columns: list[tuple[int, int] | None] = []

    def apply(self, relocation: Relocation, size: int) -> None:
        """Copy as a relocation says."""
        kept = [
            self.columns[move.source.start : move.source.start + move.columns]
            for move in relocation.moves
        ]
        if relocation.resized:
            self.columns = [None] * size
        for block in relocation.created:
            self.columns[block.start : block.start + block.width] = [None] * block.width
        for move, content in zip(relocation.moves, kept, strict=True):
            self.columns[move.target.start : move.target.start + move.columns] = content

    def write(self, slot: int, block: Block, columns: int) -> None:
        """Fill the first columns of a slot's block."""
        for column in range(columns):
            self.columns[block.start + column] = (slot, column)

    def holds(self, slot: int, block: Block, columns: int) -> bool:
        """Test that they are still there."""
        content = self.columns[block.start : block.start + columns]
        return content == [(slot, column) for column in range(columns)]


@given(st.lists(NEEDS, max_size=12))
def test_blocks_fit_and_keep_their_content(steps: list[dict[int, int]]) -> None:
    table, memory, before = BlockTable(), Memory(), dict[int, int]()
    for needs in steps:
        relocation = table.fit(needs)
        if relocation is not None:
            memory.apply(relocation, table.columns)
        assert table.blocks.keys() == {slot for slot, columns in needs.items() if columns}
        end = 0
        for block, slot in sorted((block, slot) for slot, block in table.blocks.items()):
            assert block.start >= end
            assert block.start % block.width == 0
            assert block.width >= needs[slot]
            assert memory.holds(slot, block, min(before.get(slot, 0), needs[slot]))
            end = block.start + block.width
            memory.write(slot, block, needs[slot])
        assert end <= table.columns == len(memory.columns)
        before = needs


@given(st.lists(NEEDS, max_size=8), st.randoms(use_true_random=False))
def test_blocks_follow_from_the_needs_alone(
    steps: list[dict[int, int]], dice: random.Random
) -> None:
    table, other = BlockTable(), BlockTable()
    for needs in steps:
        table.fit(needs)
        other.fit(dict(dice.sample(list(needs.items()), len(needs))))
        assert (table.columns, table.blocks) == (other.columns, other.blocks)


@given(NEEDS)
def test_a_new_range_is_at_most_twice_what_is_needed(needs: dict[int, int]) -> None:
    table = BlockTable()
    table.fit(needs)
    assert table.columns <= 2 * sum(max(columns, 128) for columns in needs.values() if columns)


def uneven(rows: int, mean: int, longest: int) -> list[int]:
    """Lengths with this mean and maximum, most of them far below it."""
    dice = random.Random(0)
    lengths = [dice.lognormvariate(0.0, 0.8) for _ in range(rows)]
    for _ in range(50):
        scale = mean * rows / sum(lengths)
        lengths = [min(length * scale, longest) for length in lengths]
    lengths[lengths.index(max(lengths))] = longest
    return [int(length) for length in lengths]


@pytest.mark.parametrize(("mean", "longest"), [(1200, 4096), (2500, 9000), (6000, 32768)])
def test_memory_follows_the_rows(mean: int, longest: int) -> None:
    """256 rows decode side by side and end one by one: never over twice what they need."""
    table, lengths = BlockTable(), uneven(256, mean, longest)
    worst = 0.0
    for step in range(200, longest, 50):
        needs = {row: step for row, length in enumerate(lengths) if step < length}
        table.fit(needs | {row: n for row, n in enumerate(lengths) if n <= step})
        held = sum(min(length, step) for length in lengths)
        worst = max(worst, table.columns / held)
    assert worst <= 2
    remaining = dict(enumerate(lengths))
    for row in sorted(remaining, key=lambda row: -lengths[row])[:-8]:
        del remaining[row]
        table.fit(remaining)
        assert table.columns <= 2.5 * sum(max(n, 128) for n in remaining.values())


def test_the_last_to_go_takes_all() -> None:
    table = BlockTable()
    table.fit({0: 500, 1: 100})
    table.fit({})
    assert (table.columns, table.blocks) == (0, {})
    table.fit({5: 100})
    assert table.columns == 128


def test_a_dropped_slot_starts_anew() -> None:
    table = BlockTable()
    table.fit({0: 100, 1: 100})
    table.drop(0)
    table.drop(7)
    relocation = table.fit({0: 100, 1: 100})
    assert relocation is not None
    assert not relocation.moves
    assert relocation.created == [table.blocks[0]]
