"""Generated exercises, from the compositions of generated programming tasks."""

from __future__ import annotations

import random

from envgym.environments.code.generate.compose import compose
from envgym.environments.code.reason.exercise import Exercise, Pair
from envgym.environments.code.reason.literals import Arguments
from envgym.sandboxes.graders.harness.plain_values import encode

PAIRS = 10


def generated(rng: random.Random, level: int, split: str) -> Exercise:
    """Draw an exercise about a program of `level` steps; induction shows the last step as a
    message.
    """
    composition, examples = compose(rng, level, PAIRS, split)
    sentences = [operation.words for operation in composition.operations]
    pairs = tuple(
        Pair(Arguments(tuple(encode(arg) for arg in example.args)), encode(example.result))
        for example in examples
    )
    message = f"Its last step is to {sentences[-1]}." if len(sentences) > 1 else ""
    return Exercise(composition.source("f"), pairs, message, tuple(sentences), level)
