"""Questions of one to four hops about a generated world, each with exactly one answer.

A question starts at a title and follows functional relations, so its answer is unique by
construction. Shortcuts are excluded: an entity met twice, an answer on an earlier page of the
chain, an answer in the question.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from typing import overload

from envgym.environments.search.question import (
    Question,
    Step,
    mentions,
    split_of,
)
from envgym.environments.search.world.relations import RELATIONS
from envgym.environments.search.world.world import Fact, World
from envgym.utils.splits import check_split

__all__ = ["MAX_HOPS", "Question", "QuestionPool", "Step", "question_pool"]

MAX_HOPS = 4

_Path = tuple[Fact, ...]


class QuestionPool(Sequence[Question]):
    """Questions of one length and split, shuffled by the seed; pool[i] never changes."""

    def __init__(
        self, world: World, hops: int, split: str, seed: int, relations: Collection[str]
    ) -> None:
        self._world, self._seed = world, seed
        self._paths = [
            path
            for start in _starts(world, split)
            for path in _paths(world, start, hops)
            if all(fact.relation in relations for fact in path)
        ]
        random.Random(f"pool:{seed}:{split}:{hops}").shuffle(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> Question: ...
    @overload
    def __getitem__(self, index: slice) -> list[Question]: ...
    def __getitem__(self, index: int | slice) -> Question | list[Question]:
        if isinstance(index, slice):
            return [_phrase(self._world, path, self._seed) for path in self._paths[index]]
        return _phrase(self._world, self._paths[index], self._seed)


def question_pool(
    world: World,
    hops: int,
    split: str,
    seed: int = 0,
    relations: Collection[str] = RELATIONS.keys(),
) -> QuestionPool:
    """All questions of `hops` hops that start in the split, without duplicates.

    `relations` are those that a chain may follow. The pool may be empty in a small world. Raises
    ValueError for hops outside 1..MAX_HOPS, an unknown split or an unknown relation.
    """
    _check(hops, split)
    if unknown := sorted(set(relations) - set(RELATIONS)):
        raise ValueError(f"unknown relations {unknown}: use some of {', '.join(RELATIONS)}")
    return QuestionPool(world, hops, split, seed, relations)


def _check(hops: int, split: str) -> None:
    check_split(split)
    if not 1 <= hops <= MAX_HOPS:
        raise ValueError(f"hops is {hops}: use 1 to {MAX_HOPS}")


def _starts(world: World, split: str) -> list[str]:
    return [passage.title for passage in world.passages if split_of(passage.title) == split]


def _paths(world: World, start: str, hops: int, path: _Path = ()) -> Iterator[_Path]:
    title = path[-1].object if path else start
    for fact in world.facts_about(title).values():
        longer = (*path, fact)
        if not _extends(world, longer):
            continue
        if len(longer) == hops:
            yield longer
        else:
            yield from _paths(world, start, hops, longer)


def _extends(world: World, path: _Path) -> bool:
    """Return whether the last fact of a path leads to something that no earlier page shows."""
    *earlier, last = path
    seen = [path[0].subject, *(fact.object for fact in earlier)]
    # A title with an alias in the question's start, or on an earlier page, would be a shortcut.
    names = world.golds(last)
    return not any(
        name in title or name in world.page(title).text
        for name in names
        for title in (seen if earlier else [])
        if title != last.subject
    ) and not mentions(path[0].subject, names)


def _phrase(world: World, path: _Path, seed: int) -> Question:
    start = path[0].subject
    rng = random.Random(":".join([str(seed), start, *(fact.relation for fact in path)]))
    text = start
    for place, fact in enumerate(path[:-1]):
        text = RELATIONS[fact.relation].noun(text, place == 0, rng, world.phrasings)
    text = RELATIONS[path[-1].relation].question(text, len(path) == 1, rng, world.phrasings)
    chain = tuple(
        Step(fact.subject, fact.relation, fact.object, fact.subject, fact.sentence) for fact in path
    )
    return Question(text, world.golds(path[-1]), len(path), chain)
