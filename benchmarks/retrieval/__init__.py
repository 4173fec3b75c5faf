"""Cost of a BM25 query by size of the corpus: the search environment's index, and rank-bm25."""

from __future__ import annotations

from benchmarks.harness import OURS, Bench, Side

BENCH = Bench(
    "retrieval",
    sides=(
        Side(OURS, "retrieval/query.py", ("auto",)),
        Side("rank_bm25", "retrieval/query.py", ("rank-bm25",)),
    ),
    rounds=3,
)
