"""Fixtures shared by the search tests: a small world, and the real files where they are there."""

from __future__ import annotations

import pytest

from envgym.environments.search.corpus import Passage, load_corpus
from envgym.environments.search.world.world import World
from tests.machine import data_file


@pytest.fixture(scope="session")
def world() -> World:
    return World.generate(seed=3, size=120)


@pytest.fixture(scope="session")
def wiki_passages() -> list[Passage]:
    return load_corpus(data_file("2wiki/corpus.json"))


@pytest.fixture(scope="session")
def data() -> object:
    return data_file
