from __future__ import annotations

import numpy as np
import pytest

from envgym.vector.batch_info import BatchedInfo

BATCH = BatchedInfo(
    3, {0: {"score": 0.5, "turn": 1}, 2: {"score": 1, "why": ["a", "b"], "_odd": 3}}
)


def test_a_column_and_its_mask() -> None:
    assert BATCH["score"].tolist() == [0.5, 0.0, 1.0]
    assert BATCH["_score"].tolist() == [True, False, True]
    assert BATCH["turn"].dtype == np.int64
    assert BATCH["why"].tolist() == [None, None, ["a", "b"]]


def test_it_is_a_mapping() -> None:
    assert list(BATCH)[:4] == ["score", "_score", "turn", "_turn"]
    assert len(BATCH) == len(dict(BATCH)) == len(list(BATCH))
    assert "score" in BATCH
    assert "_turn" in BATCH
    assert "absent" not in BATCH
    with pytest.raises(KeyError):
        BATCH["absent"]


def test_a_key_that_begins_with_an_underscore() -> None:
    assert BATCH["_odd"].tolist() == [0, 0, 3]
    assert BATCH["__odd"].tolist() == [False, False, True]
