"""How an environment gets at pages: from an index of its own, or from a server's.

Two questions are enough: which pages go best with these words, and which one has this title. The
answers are the same either way, so a world plays the same with its index in the process or not.
"""

from __future__ import annotations

from typing import Protocol

from envgym.environments.search.corpus import Passage
from envgym.environments.search.retrieval.index import Bm25Index

NEAR = 3


class Retriever(Protocol):
    """Where pages come from."""

    async def find(self, query: str, count: int) -> list[Passage]:
        """The best pages for the words of the query, at most `count`, best first.

        The page whose title the query is comes before all: BM25 alone may put another one first.
        """

    async def page(self, title: str) -> tuple[Passage | None, list[str]]:
        """The page of that title, or None and the few titles nearest to it."""


class LocalRetriever:
    """Pages of an index in this process."""

    def __init__(self, index: Bm25Index) -> None:
        self.index = index

    async def find(self, query: str, count: int) -> list[Passage]:
        """See `Retriever`."""
        return best(self.index, query, count)

    async def page(self, title: str) -> tuple[Passage | None, list[str]]:
        """See `Retriever`."""
        return by_title(self.index, title)


def best(index: Bm25Index, query: str, count: int) -> list[Passage]:
    """`Retriever.find` over an index."""
    found = [hit.passage for hit in index.search(query, count)]
    named = index.by_title(query)
    if named is None:
        return found
    return [named, *(page for page in found if page != named)][:count]


def by_title(index: Bm25Index, title: str) -> tuple[Passage | None, list[str]]:
    """`Retriever.page` over an index."""
    found = index.by_title(title)
    return found, [] if found is not None else index.nearest_titles(title, NEAR)
