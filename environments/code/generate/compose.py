"""Random compositions of a given difficulty whose tests distinguish them from simpler ones.

Each draw is checked: its results differ, every operation changes some result, and both branches of
each condition are taken. A draw that fails is repeated. Difficulty has no upper bound: it is the
number of steps.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from envgym.environments.code.generate import number_steps, text_steps
from envgym.environments.code.generate.composition import Composition
from envgym.environments.code.generate.inputs import inputs
from envgym.environments.code.generate.operations import (
    ARGUMENT,
    Apply,
    Choose,
    Each,
    Operation,
    TooLarge,
    Use,
)
from envgym.environments.code.generate.step import (
    CONDITIONS,
    ELEMENT,
    INT,
    INTS,
    STEPS,
    TEXT,
    TEXTS,
    Step,
)
from envgym.utils.splits import Split, hash_split

_TRIES = 10_000
_WASTED = 60  # unusable inputs before the composition is given up
_ARGUED = 0.35  # probability of a second argument
_EACH = 0.35  # probability that an operation on a list works on its members
_CHOOSE = 0.3  # probability of a conditional operation
_LIBRARY = (number_steps, text_steps)  # importing them fills STEPS and CONDITIONS


@dataclass(frozen=True)
class Example:
    """Arguments and the result of a composition."""

    args: tuple[Any, ...]
    result: Any


def split_of(composition: Composition) -> Split:
    """Split of a composition, by the hash of its source."""
    return hash_split(composition.source("solve"), hash_name="sha256-byte-mod-5")


def compose(
    rng: random.Random,
    level: int,
    count: int,
    split: str | None = None,
    fit: Callable[[Any], bool] = lambda result: True,
) -> tuple[Composition, list[Example]]:
    """Draw a composition of `level` steps, with `count` examples that rule out its neighbours.

    Args:
        rng: Source of all random draws.
        level: Number of steps, 1 or more; a conditional operation counts as two.
        count: Number of examples, all with different arguments.
        split: Split of the composition; any where None.
        fit: Whether a result may be used in an example.
    """
    for _ in range(_TRIES):
        composition = _draw(rng, level)
        if split is not None and split_of(composition) != split:
            continue
        examples = _examples(composition, rng, count, fit)
        if examples and _tells(composition, examples):
            return composition, examples
    raise AssertionError(f"no composition of level {level} in {_TRIES} draws")


def _draw(rng: random.Random, level: int) -> Composition:
    kind = rng.choice((INTS, INTS, TEXT, TEXTS, INT))
    operations: list[Operation] = []
    left = level
    while left:
        if left > 1 and level > 2 and rng.random() < _CHOOSE:
            operations.append(_choice(rng, kind))
            left -= 2
        else:
            operations.append(_single(rng, kind))
            left -= 1
        kind = operations[-1].gives
    if level > 1 and rng.random() < _ARGUED:
        operations = _with_argument(rng, operations)
    return Composition(tuple(operations))


def _single(rng: random.Random, kind: str) -> Operation:
    if kind in ELEMENT and rng.random() < _EACH:
        inner = [s for s in _taking(ELEMENT[kind]) if s.gives in (INT, TEXT)]
        return Each(_used(rng, rng.choice(inner)))
    return Apply(_used(rng, rng.choice(_taking(kind))))


def _choice(rng: random.Random, kind: str) -> Operation:
    condition = rng.choice([s for s in CONDITIONS.values() if s.takes == kind])
    kinds = [s.gives for s in _taking(kind)]
    given = rng.choice([k for k in dict.fromkeys(kinds) if kinds.count(k) > 1])
    then, otherwise = rng.sample([s for s in _taking(kind) if s.gives == given], 2)
    return Choose(_used(rng, condition), _used(rng, then), _used(rng, otherwise))


def _taking(kind: str) -> list[Step]:
    return [s for s in STEPS.values() if s.takes == kind]


def _used(rng: random.Random, step: Step) -> Use:
    return Use(step, step.draw(rng))


def _with_argument(rng: random.Random, operations: list[Operation]) -> list[Operation]:
    """Turn one parameter into the task's second argument."""
    able = [i for i, a in enumerate(operations) if not isinstance(a, Choose) and _parameter(a)]
    if not able:
        return operations
    index = rng.choice(able)
    (use,) = operations[index].uses
    kind = Each if isinstance(operations[index], Each) else Apply
    argued = kind(Use(use.step, ARGUMENT))
    return [*operations[:index], argued, *operations[index + 1 :]]


def _parameter(operation: Operation) -> bool:
    return any(use.step.choices for use in operation.uses)


def _examples(
    composition: Composition, rng: random.Random, count: int, fit: Callable[[Any], bool]
) -> list[Example]:
    """Draw `count` examples; none where too many inputs exceed the bounds or do not fit."""
    found: dict[str, Example] = {}
    argued = composition.argued
    for tried, value in enumerate(inputs(composition.takes, rng)):
        if len(found) == count:
            return list(found.values())
        if tried == count + _WASTED:
            return []
        args = (value,) if argued is None else (value, argued.step.draw(rng))
        try:
            result = composition.run(*args)
        except TooLarge:
            continue
        if fit(result):
            found.setdefault(repr(args), Example(args, result))
    return []


def _tells(composition: Composition, examples: Sequence[Example]) -> bool:
    results = Counter(repr(example.result) for example in examples)
    if len(results) < 4 or max(results.values()) > len(examples) // 3:
        return False
    if any(_agrees(shorter, examples) for shorter in composition.without()):
        return False
    return all(
        2 <= sum(_takes_first_way(composition, i, example) for example in examples) <= most
        for most in [len(examples) - 2]
        for i, operation in enumerate(composition.operations)
        if isinstance(operation, Choose)
    )


def _agrees(other: Composition, examples: Sequence[Example]) -> bool:
    try:
        return all(
            other.run(example.args[0], _second(example)) == example.result for example in examples
        )
    except TooLarge:
        return False


def _takes_first_way(composition: Composition, index: int, example: Example) -> bool:
    value, k = example.args[0], _second(example)
    for operation in composition.operations[:index]:
        value = operation.run(value, k)
    choice = composition.operations[index]
    assert isinstance(choice, Choose)
    return bool(choice.condition(value, k))


def _second(example: Example) -> Any:
    return example.args[1] if len(example.args) > 1 else None
