"""The judge of mathematics from both sides: every equal form accepted, every near one refused."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from envgym.environments.puzzles.math.judge import judge
from envgym.environments.puzzles.math.problems import MAX_LEVEL, TOPICS
from envgym.environments.puzzles.math.shape import fault
from tests.environments.puzzles.math_forms import KINDS, Draw, wrapped

CASES = 2_100


def accepted(gold: str, answer: str) -> bool:
    """The verdict, the form included, without a process of its own."""
    if not answer.strip() or fault(answer, gold, "?"):
        return False
    verdict = judge({"gold": gold, "answer": answer})
    assert verdict["read"], gold
    return bool(verdict["right"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_equal_forms_are_accepted_and_near_ones_refused(kind: Draw) -> None:
    rng = random.Random(f"forms:{kind.__name__}")
    tried: Counter[bool] = Counter()
    wrong: set[tuple[str, str, str]] = set()
    while min(tried[True], tried[False]) < CASES / len(KINDS):
        gold, right, near = kind(rng)
        for equal, forms in ((True, right), (False, near)):
            for text in rng.sample(forms, min(6, len(forms))):
                answer = wrapped(rng, text)
                tried[equal] += 1
                if accepted(gold, answer) != equal:
                    wrong.add((gold, answer, "refused" if equal else "accepted"))
    assert not wrong


@pytest.mark.parametrize("name", TOPICS)
def test_generated_golds_are_their_own_answers_in_every_order(name: str) -> None:
    for level in range(1, MAX_LEVEL + 1):
        for seed in range(4):
            written = TOPICS[name](random.Random(f"{seed}:{level}"), level)
            answers = [written.answer]
            if name == "quadratic":
                answers.append(", ".join(reversed(written.answer.split(", "))))
            for answer in answers:
                assert fault(answer, written.answer, written.question) is None
                assert judge({"gold": written.answer, "answer": answer})["right"], written
