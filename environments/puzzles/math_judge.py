"""Whether a mathematical answer equals the gold: `math-verify`, in a process of its own.

    python -m envgym.environments.puzzles.math_judge

An answer is read as LaTeX alone, whole, and never as Python: math-verify's other reader hands what
it finds to `eval`, and takes a number out of any prose.
"""

from __future__ import annotations

import logging
from typing import Any

from math_verify import LatexExtractionConfig, parse, verify

from envgym.environments.puzzles.judge_child import serve

_AS_LATEX = [LatexExtractionConfig()]


def judge(request: dict[str, Any]) -> dict[str, Any]:
    """Of ``{"gold", "answer"}``: ``{"right"}``, and whether the gold could be ``read``."""
    gold, answer = (_parsed(request[key]) for key in ("gold", "answer"))
    return {"right": bool(verify(gold, answer, timeout_seconds=None)), "read": bool(gold)}


def _parsed(text: str) -> list[Any]:
    boxed = f"\\boxed{{{text.replace('**', '^')}}}"
    return parse(boxed, extraction_config=_AS_LATEX, parsing_timeout=None)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # it warns of having no time limit of its own
    judge({"gold": "\\frac{1}{2}", "answer": "x+1"})  # its grammar is loaded on first use
    serve(judge)
