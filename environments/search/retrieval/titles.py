"""Page lookup by title, exact or approximate.

Agents type titles themselves, so a near miss returns suggestions. Similarity is the Dice
coefficient over character trigrams (Dice 1945): it tolerates a typo, a missing bracket or a swapped
word, and costs only the postings it touches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property

from envgym.environments.search.corpus import Passage
from envgym.environments.search.text_folding import folded


def title_key(title: str) -> str:
    """Normal form of a title: `folded`, with single spaces."""
    return " ".join(folded(title).split())


class TitleIndex:
    """Exact and approximate lookup over the titles of some passages.

    Where several passages share a title the first one stands for it.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._by_title: dict[str, Passage] = {}
        self._by_key: dict[str, Passage] = {}
        for passage in passages:
            self._by_title.setdefault(passage.title, passage)
            self._by_key.setdefault(title_key(passage.title), passage)

    def get(self, title: str) -> Passage | None:
        """Passage with that title, or None; an exact match wins."""
        return self._by_title.get(title) or self._by_key.get(title_key(title))

    def nearest(self, title: str, n: int) -> list[str]:
        """Up to n titles most similar to one, best first, ties in corpus order.

        Titles that share no trigram with it are left out, so the list may be shorter, or empty.
        """
        wanted = _trigrams(title_key(title))
        shared: Counter[int] = Counter()
        for trigram in wanted:
            shared.update(self._postings.get(trigram, ()))
        keys, sizes = self._keys_and_sizes
        ranked = sorted(
            shared, key=lambda place: (-2 * shared[place] / (len(wanted) + sizes[place]), place)
        )
        return [self._by_key[keys[place]].title for place in ranked[:n]]

    @cached_property
    def _keys_and_sizes(self) -> tuple[list[str], list[int]]:
        keys = list(self._by_key)
        return keys, [len(_trigrams(key)) for key in keys]

    @cached_property
    def _postings(self) -> dict[str, list[int]]:
        postings: defaultdict[str, list[int]] = defaultdict(list)
        for place, key in enumerate(self._by_key):
            for trigram in _trigrams(key):
                postings[trigram].append(place)
        return dict(postings)


def _trigrams(key: str) -> set[str]:
    padded = f"  {key} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}
