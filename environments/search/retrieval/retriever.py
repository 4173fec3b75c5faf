"""Retriever interface: pages by key words and pages by title, from a local or a remote index.

Local index and server give the same answers, so an episode does not depend on where the index is.
"""

from __future__ import annotations

from typing import Protocol

from envgym.environments.search.corpus import Passage
from envgym.environments.search.retrieval.index import Bm25Index

NEAR = 3


class Retriever(Protocol):
    """Source of pages."""

    async def find(self, query: str, count: int) -> list[Passage]:
        """At most `count` pages for the words of a query, best first.

        The page whose title the query is comes before all: BM25 alone may put another one first.
        """

    async def page(self, title: str) -> tuple[Passage | None, list[str]]:
        """Page with that title, or None and the nearest titles."""


class LocalRetriever:
    """Retriever on an index in this process."""

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
