"""Near-misses of every family fail, and there are some for every task."""

from __future__ import annotations

from typing import Any

import pytest

from envgym.environments.puzzles.np.problems import PROBLEMS
from tests.environments.near import scores_of_near_misses

FAMILIES: list[tuple[str, int, dict[str, Any]]] = [
    ("puzzles/math-v1", 60, {"levels": [1, 2, 3, 4, 5]}),
    ("puzzles/knights-v1", 6, {}),
    ("puzzles/strings-v1", 10, {}),
    ("puzzles/key-door-v1", 4, {}),
    ("puzzles/sokoban-v1", 3, {}),
    ("puzzles/frozen-lake-v1", 6, {}),
    ("puzzles/frozen-lake-v1", 6, {"slippery": True}),
    *(("puzzles/np-v1", 4, {"problems": [name]}) for name in PROBLEMS),
]


@pytest.mark.parametrize(("name", "seeds", "kwargs"), FAMILIES)
async def test_near_misses_fail(name: str, seeds: int, kwargs: dict[str, Any]) -> None:
    scores = await scores_of_near_misses(name, seeds, **kwargs)
    assert max(scores) < 1.0
