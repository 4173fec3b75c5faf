"""Judge process for equality of a mathematical answer and the gold.

    python -m envgym.environments.puzzles.math.judge

An answer is parsed as LaTeX only, as a whole, and never as Python.
"""

from __future__ import annotations

import logging
from typing import Any

from envgym.environments.puzzles.judging.child import serve
from envgym.environments.puzzles.math.answers import algebra
from envgym.environments.puzzles.math.answers.verdict import formulas, right, structures


def judge(request: dict[str, Any]) -> dict[str, Any]:
    """Reply to ``{"gold", "answer"}``: ``{"right"}``, and whether the gold could be ``read``."""
    return {
        "right": right(request["gold"], request["answer"], _same),
        "read": all(map(_readable, formulas(structures(request["gold"])[0]))),
    }


def _same(gold: str, answer: str) -> bool:
    try:
        return algebra.same(gold, answer)
    except Exception:  # an unreadable text equals nothing
        return False


def _readable(text: str) -> bool:
    try:
        return algebra.parsed(text) is not None
    except Exception:
        return False


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    judge({"gold": "\\frac{1}{2}x", "answer": "x+1"})  # loads the grammar
    serve(judge)
