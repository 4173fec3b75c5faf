"""One backend's BM25 query on corpora of several sizes: median milliseconds.

Both backends search the same passages for the same words; that they find the same is a test.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time

from envgym.environments.search.corpus import Passage
from envgym.environments.search.retrieval.index import Bm25Index

WORDS = 50_000
LENGTH = 58  # words of a passage, as in the 2WikiMultiHopQA paragraphs


def passages(count: int, seed: int) -> list[Passage]:
    """Passages of words whose frequency falls with their rank (Zipf's law)."""
    rng = random.Random(seed)
    weights = [1 / (rank + 2) for rank in range(WORDS)]
    words = [f"w{rank}" for rank in range(WORDS)]
    return [
        Passage(str(i), f"Page {i}", " ".join(rng.choices(words, weights, k=LENGTH)))
        for i in range(count)
    ]


def milliseconds(index: Bm25Index, queries: list[str]) -> float:
    """Median cost of a query."""
    times = []
    for query in queries:
        began = time.perf_counter()
        index.search(query, 5)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backend", choices=["auto", "bm25s", "rank-bm25"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 6000, 20000])
    parser.add_argument("--queries", type=int, default=20)
    options = parser.parse_args()
    figures = {}
    for size in options.sizes:
        corpus = passages(size, seed=size)
        rng = random.Random(0)
        queries = [
            " ".join(rng.sample(rng.choice(corpus).text.split(), 10))
            for _ in range(options.queries)
        ]
        figures[f"query_{size}_passages_ms"] = milliseconds(
            Bm25Index(corpus, options.backend), queries
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
