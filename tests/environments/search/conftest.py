"""Fixtures shared by the search tests: a small world, and the real files where they are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envgym.environments.search.corpus import Passage, load_corpus
from envgym.environments.search.world import World

_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


def data_file(name: str) -> Path:
    """A file of ../shared/data, or a skip that names it; a failure where ENVGYM_REQUIRE_ALL=1."""
    path = _DATA / name
    if not path.is_file():
        absent = f"no {name} under ../shared/data"
        if os.environ.get("ENVGYM_REQUIRE_ALL") == "1":
            pytest.fail(f"{absent}: put it there, or unset ENVGYM_REQUIRE_ALL to skip")
        pytest.skip(absent)
    return path


@pytest.fixture(scope="session")
def world() -> World:
    return World.generate(seed=3, size=120)


@pytest.fixture(scope="session")
def wiki_passages() -> list[Passage]:
    return load_corpus(data_file("2wiki/corpus.json"))


@pytest.fixture(scope="session")
def data() -> object:
    return data_file
