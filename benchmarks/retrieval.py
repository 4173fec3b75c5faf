"""What a BM25 query costs as the corpus grows, for both libraries, on the same passages.

Prints one JSON object: milliseconds a query (median) by number of passages, the ratio of the two,
and whether the rankings were equal.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time

from envgym.environments.search.corpus import Passage
from envgym.environments.search.index import Bm25Index

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


def milliseconds(index: Bm25Index, queries: list[str]) -> tuple[float, list[list[str]]]:
    """Median cost of a query, and the ids each one found."""
    times, found = [], []
    for query in queries:
        began = time.perf_counter()
        hits = index.search(query, 5)
        times.append(1000 * (time.perf_counter() - began))
        found.append([hit.passage.id for hit in hits])
    return statistics.median(times), found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 6000, 20000])
    parser.add_argument("--queries", type=int, default=20)
    options = parser.parse_args()
    rows = []
    for size in options.sizes:
        corpus = passages(size, seed=size)
        rng = random.Random(0)
        queries = [
            " ".join(rng.sample(rng.choice(corpus).text.split(), 10))
            for _ in range(options.queries)
        ]
        plain, plain_found = milliseconds(Bm25Index(corpus, "rank-bm25"), queries)
        fast, fast_found = milliseconds(Bm25Index(corpus, "bm25s"), queries)
        rows.append(
            {
                "passages": size,
                "rank_bm25_ms": round(plain, 3),
                "bm25s_ms": round(fast, 3),
                "ratio": round(plain / fast, 2),
                "equal_rankings": plain_found == fast_found,
            }
        )
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
