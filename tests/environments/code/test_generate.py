"""The generator: its one truth, and that its tests tell a task from its neighbours."""

from __future__ import annotations

import random

from envgym.environments.code.generate.compose import Example, compose, split_of
from envgym.environments.code.generate.composition import Composition
from envgym.environments.code.generate.operations import Choose
from envgym.environments.code.generate.step import CONDITIONS, STEPS
from envgym.environments.code.generated_problems import generated
from envgym.environments.code.judge import Bounds, judge
from envgym.environments.code.problem import Problem
from envgym.sandboxes import open_backend
from envgym.sandboxes.graders import CallCase, grade_calls


def drawn(level: int, seed: int = 0) -> tuple[Composition, list[Example]]:
    return compose(random.Random(f"{seed}:{level}"), level, 15)


def test_levels_have_no_top_and_count_the_steps() -> None:
    for level in (1, 2, 3, 5, 9):
        composition, examples = drawn(level)
        steps = sum(2 if isinstance(a, Choose) else 1 for a in composition.operations)
        assert steps == level
        assert len({repr(e.args) for e in examples}) == 15
        assert len(composition.sentences()) == len(composition.operations)


def test_no_constant_and_no_shorter_composition_passes() -> None:
    for seed in range(20):
        composition, examples = drawn(4, seed)
        results = [repr(e.result) for e in examples]
        assert max(map(results.count, results)) <= 5
        for shorter in composition.without():
            found = [shorter.run(*e.args) for e in examples]
            assert found != [e.result for e in examples]


def test_compositions_of_one_split_are_never_the_others() -> None:
    rng = random.Random(1)
    texts = {
        split: {compose(rng, 1, 15, split)[0].source("f") for _ in range(40)}
        for split in ("train", "test")
    }
    assert not texts["train"] & texts["test"]
    assert {split_of(compose(rng, 2, 15, "test")[0]) for _ in range(5)} == {"test"}


async def test_every_step_means_in_a_box_what_it_means_here(boxes: str) -> None:
    """All steps in one source: what the reference's text gives is what the function gave here."""
    known = [*STEPS.values(), *CONDITIONS.values()]
    values = {
        "list[int]": [[], [4, 4, -7, 12, 9]],
        "list[str]": [[], ["tea", "a", "tea", "Eel"]],
        "str": ["", "aab Cats"],
        "int": [0, -12, 97],
    }
    cases = []
    for step in known:
        for value in values[step.takes]:
            args = [value, step.choices[0]] if step.choices else [value]
            cases.append(CallCase(step.name, args, step.function(*args)))
    source = "\n\n".join(step.source for step in known)
    async with open_backend(boxes) as backend:
        verdict = await grade_calls(backend, source, cases)
    assert verdict.passed, verdict.feedback()
    assert len(cases) > 100


async def test_references_pass_as_functions_and_as_programs(boxes: str) -> None:
    async with open_backend(boxes) as backend:
        for number in range(6):
            form = ("function", "program")[number % 2]
            problem = generated(random.Random(number), 1 + number // 2, form, "train")
            verdict = await judge(
                backend, problem, problem.reference, public=False, bounds=Bounds(time_s=20)
            )
            assert verdict.passed, verdict.feedback()
            assert verdict.expected == 15
            wrong = "def solve(*args):\n    return 0\nprint()"
            verdict = await judge(backend, problem, wrong, public=False, bounds=Bounds(time_s=20))
            assert verdict.fraction <= 1 / 3
            assert Problem.of(problem.task("train")) == problem
