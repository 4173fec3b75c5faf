"""BM25+ index over passages, by one of two libraries that give the same ranking.

`rank_bm25` is the plain reference, but walks every passage in Python for every query word;
`bm25s` precomputes a sparse matrix. Measured on one CPU core with ten-word queries, rank-bm25
against bm25s: 0.1 / 0.1 ms a query at 100 passages, 1.4 / 0.1 at 1,000, 14 / 0.2 at 6,000,
50 / 0.4 at 20,000, 250 / 1.8 at 100,000, while bm25s takes 1.2 to 2.5 times as long to build
(7 s against 5 at 100,000). So "auto" is rank-bm25 where a query stays under a millisecond, and
bm25s beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from envgym.environments.search.corpus import Passage
from envgym.environments.search.retrieval.titles import TitleIndex
from envgym.environments.search.text_folding import words

Backend = Literal["auto", "rank-bm25", "bm25s"]

# Usual constants of Okapi BM25; delta = 1 is the value of Lv & Zhai (CIKM 2011) for BM25+.
_K1, _B, _DELTA = 1.5, 0.75, 1.0
_AUTO_LIMIT = 500  # passages up to which "auto" is rank-bm25
# Scores are compared after rounding, so that the two libraries' float noise (near 1e-14) cannot
# reorder passages that tie; a passage which holds a query term lies far further above the floor.
_DECIMALS = 9


@dataclass(frozen=True)
class Hit:
    """One retrieved passage and its BM25+ score (higher is better)."""

    passage: Passage
    score: float


class _Scorer(Protocol):
    def get_scores(self, query: list[str]) -> npt.NDArray[np.float64]: ...


class Bm25Index:
    """Immutable, deterministic BM25+ index over title and text.

    `backend` is "rank-bm25", "bm25s" or "auto" (chosen by the number of passages). Raises
    ValueError without passages or for an unknown backend, ImportError without the library.
    """

    def __init__(self, passages: Sequence[Passage], backend: Backend = "auto") -> None:
        if not passages:
            raise ValueError("no passages to index: give Bm25Index at least one")
        if backend not in ("auto", "rank-bm25", "bm25s"):
            raise ValueError(f"backend {backend!r} is unknown: use auto, rank-bm25 or bm25s")
        if backend == "auto":
            backend = "rank-bm25" if len(passages) <= _AUTO_LIMIT else "bm25s"
        self.passages: tuple[Passage, ...] = tuple(passages)
        self.backend: str = backend
        documents = [words(f"{passage.title} {passage.text}") for passage in passages]
        frequencies: dict[str, int] = {}
        for document in documents:
            for token in set(document):
                frequencies[token] = frequencies.get(token, 0) + 1
        self._floor = {
            token: _DELTA * float(np.log((len(documents) + 1) / count))
            for token, count in frequencies.items()
        }
        self._scorer = _build(documents, backend)
        self._titles = TitleIndex(self.passages)

    def __len__(self) -> int:
        return len(self.passages)

    def search(self, query: str, top_k: int) -> list[Hit]:
        """At most top_k passages that share a word with the query, best first.

        Ranked by falling score, ties in corpus order. Empty when no word of the query is known.
        Raises ValueError for top_k below 1.
        """
        if top_k < 1:
            raise ValueError(f"top_k is {top_k}: ask for at least one passage")
        tokens = [token for token in words(query) if token in self._floor]
        if not tokens:
            return []
        scores = self._scorer.get_scores(tokens)
        # BM25+ gives delta * idf to passages without the term, too: that sum is the floor.
        floor = sum(self._floor[token] for token in tokens)
        places = np.flatnonzero(scores - floor > 10**-_DECIMALS)
        kept = np.round(scores[places], _DECIMALS)
        if len(places) > top_k:
            threshold = -np.partition(-kept, top_k - 1)[top_k - 1]
            places, kept = places[kept >= threshold], kept[kept >= threshold]
        order = np.lexsort((places, -kept))[:top_k]
        return [Hit(self.passages[places[rank]], float(kept[rank])) for rank in order]

    def by_title(self, title: str) -> Passage | None:
        """Passage with that title (ignoring case and spacing), or None."""
        return self._titles.get(title)

    def nearest_titles(self, title: str, n: int = 5) -> list[str]:
        """Up to n titles similar to an unknown one, best first."""
        return self._titles.nearest(title, n)


def _build(documents: list[list[str]], backend: str) -> _Scorer:
    # A passage of punctuation alone has no token; both libraries need one word somewhere.
    if not any(documents):
        raise ValueError("no passage holds a single word: nothing to index")
    try:
        if backend == "rank-bm25":
            from rank_bm25 import BM25Plus

            return BM25Plus(documents, k1=_K1, b=_B, delta=_DELTA)
        from bm25s import BM25
    except ImportError as error:
        raise ImportError(f"{error.name} is missing: pip install 'envgym[search]'") from error
    scorer = BM25(method="bm25+", k1=_K1, b=_B, delta=_DELTA, dtype="float64")
    scorer.index(documents, show_progress=False)
    return scorer
