"""Both names of the cache, and none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from envgym.agents.local.cache_argument import cache_argument


def newer(input_ids: Any, cache: Any = None) -> None: ...
def older(input_ids: Any, past_key_values: Any = None) -> None: ...
def wrapped(*args: Any, **kwargs: Any) -> None: ...


@pytest.mark.parametrize(
    ("forward", "name"), [(newer, "cache"), (older, "past_key_values"), (wrapped, None)]
)
def test_the_name_is_read_off_the_signature(forward: Any, name: str | None) -> None:
    assert cache_argument(SimpleNamespace(forward=forward)) == name
