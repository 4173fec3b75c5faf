"""Whether a mathematical answer equals the gold, in a process of its own.

    python -m envgym.environments.puzzles.math.judge

An answer is read as LaTeX alone, whole, and never as Python.
"""

from __future__ import annotations

import logging
from typing import Any

from envgym.environments.puzzles.judging.child import serve
from envgym.environments.puzzles.math.answers import algebra
from envgym.environments.puzzles.math.answers.verdict import formulas, right, structures


def judge(request: dict[str, Any]) -> dict[str, Any]:
    """Of ``{"gold", "answer"}``: ``{"right"}``, and whether the gold could be ``read``."""
    return {
        "right": right(request["gold"], request["answer"], _same),
        "read": all(map(_readable, formulas(structures(request["gold"])[0]))),
    }


def _same(gold: str, answer: str) -> bool:
    try:
        return algebra.same(gold, answer)
    except Exception:  # what the grammar cannot read is equal to nothing
        return False


def _readable(text: str) -> bool:
    try:
        return algebra.parsed(text) is not None
    except Exception:
        return False


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    judge({"gold": "\\frac{1}{2}x", "answer": "x+1"})  # its grammar is loaded on first use
    serve(judge)
