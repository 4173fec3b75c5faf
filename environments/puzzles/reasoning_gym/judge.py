"""Judge process for reasoning-gym entries: scores an answer with the data set's own scorer.

python -m envgym.environments.puzzles.reasoning_gym.judge
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any

import reasoning_gym  # loads every dataset's module, for the guard

from envgym.environments.puzzles.judging import safe_eval
from envgym.environments.puzzles.judging.child import serve
from envgym.environments.puzzles.reasoning_gym.entries import Entries


def prepare(request: dict[str, Any]) -> tuple[Any, dict[str, Any], str]:
    """Rebuild the data set and the entry of a request; returns both with the answer."""
    entries = _opened(request["dataset"], json.dumps(request["arguments"]))
    return entries.dataset, entries.entry(request["index"]), request["answer"]


def judge(dataset: Any, entry: dict[str, Any], answer: str) -> dict[str, Any]:
    """Reply ``{"score"}``, in [0, 1]."""
    score = float(dataset.score_answer(answer, entry))
    return {"score": min(max(score, 0.0), 1.0) if math.isfinite(score) else 0.0}


@lru_cache(maxsize=4)
def _opened(name: str, arguments: str) -> Entries:
    return Entries.open(name, json.loads(arguments))


if __name__ == "__main__":
    safe_eval.install(reasoning_gym.__name__)
    serve(judge, prepare)
