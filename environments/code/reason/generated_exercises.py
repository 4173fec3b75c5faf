"""Exercises without end, out of the compositions that programming tasks are made of."""

from __future__ import annotations

import random

from envgym.environments.code.generate.compose import compose
from envgym.environments.code.reason.exercise import Exercise, Pair
from envgym.environments.code.reason.literals import Arguments
from envgym.sandboxes.graders.harness.plain_values import encode

PAIRS = 10


def generated(rng: random.Random, level: int, split: str) -> Exercise:
    """An exercise about a program of `level` steps; an induction is told the last of several."""
    composition, examples = compose(rng, level, PAIRS, split)
    sentences = [action.words for action in composition.actions]
    pairs = tuple(
        Pair(Arguments(tuple(encode(arg) for arg in example.args)), encode(example.result))
        for example in examples
    )
    message = f"Its last step is to {sentences[-1]}." if len(sentences) > 1 else ""
    return Exercise(composition.source("f"), pairs, message, tuple(sentences), level)
