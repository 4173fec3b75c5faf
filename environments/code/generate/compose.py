"""Drawing compositions: of a level, in which nothing is idle and no constant would do.

A task is worth its place only if its tests tell. So of each draw it is asked whether its results
differ, whether every action changes one of them, and whether both ways of a choice are gone; what
fails is drawn again. Levels have no top: a level is the number of steps.
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
    Action,
    Apply,
    Choose,
    Each,
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
_WASTED = 60  # inputs that may be refused before the composition is
_ARGUED = 0.35
_EACH = 0.35
_CHOOSE = 0.3
_LIBRARY = (number_steps, text_steps)  # importing them fills STEPS and CONDITIONS


@dataclass(frozen=True)
class Example:
    """Arguments, and what a composition gives for them."""

    args: tuple[Any, ...]
    result: Any


def split_of(composition: Composition) -> Split:
    """The split that a composition belongs to, in whatever order tasks are drawn."""
    return hash_split(composition.source("solve"), hash_name="sha256-byte-mod-5")


def compose(
    rng: random.Random,
    level: int,
    count: int,
    split: str | None = None,
    fit: Callable[[Any], bool] = lambda result: True,
) -> tuple[Composition, list[Example]]:
    """A composition of `level` steps, with `count` examples that tell it from its neighbours.

    Args:
        rng: Where all draws come from.
        level: Steps, 1 or more; a choice between two counts as two.
        count: Examples, no two of which have the same arguments.
        split: Of the composition; any where None.
        fit: Whether a result may stand in an example.
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
    actions: list[Action] = []
    left = level
    while left:
        if left > 1 and level > 2 and rng.random() < _CHOOSE:
            actions.append(_choice(rng, kind))
            left -= 2
        else:
            actions.append(_single(rng, kind))
            left -= 1
        kind = actions[-1].gives
    if level > 1 and rng.random() < _ARGUED:
        actions = _with_argument(rng, actions)
    return Composition(tuple(actions))


def _single(rng: random.Random, kind: str) -> Action:
    if kind in ELEMENT and rng.random() < _EACH:
        inner = [s for s in _taking(ELEMENT[kind]) if s.gives in (INT, TEXT)]
        return Each(_used(rng, rng.choice(inner)))
    return Apply(_used(rng, rng.choice(_taking(kind))))


def _choice(rng: random.Random, kind: str) -> Action:
    condition = rng.choice([s for s in CONDITIONS.values() if s.takes == kind])
    kinds = [s.gives for s in _taking(kind)]
    given = rng.choice([k for k in dict.fromkeys(kinds) if kinds.count(k) > 1])
    then, otherwise = rng.sample([s for s in _taking(kind) if s.gives == given], 2)
    return Choose(_used(rng, condition), _used(rng, then), _used(rng, otherwise))


def _taking(kind: str) -> list[Step]:
    return [s for s in STEPS.values() if s.takes == kind]


def _used(rng: random.Random, step: Step) -> Use:
    return Use(step, step.draw(rng))


def _with_argument(rng: random.Random, actions: list[Action]) -> list[Action]:
    """The same actions, where one parameter is the task's second argument."""
    able = [i for i, a in enumerate(actions) if not isinstance(a, Choose) and _parameter(a)]
    if not able:
        return actions
    index = rng.choice(able)
    (use,) = actions[index].uses
    kind = Each if isinstance(actions[index], Each) else Apply
    argued = kind(Use(use.step, ARGUMENT))
    return [*actions[:index], argued, *actions[index + 1 :]]


def _parameter(action: Action) -> bool:
    return any(use.step.choices for use in action.uses)


def _examples(
    composition: Composition, rng: random.Random, count: int, fit: Callable[[Any], bool]
) -> list[Example]:
    """So many, or none where too many inputs outgrow the bounds or do not fit."""
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
        for i, action in enumerate(composition.actions)
        if isinstance(action, Choose)
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
    for action in composition.actions[:index]:
        value = action.run(value, k)
    choice = composition.actions[index]
    assert isinstance(choice, Choose)
    return bool(choice.condition(value, k))


def _second(example: Example) -> Any:
    return example.args[1] if len(example.args) > 1 else None
