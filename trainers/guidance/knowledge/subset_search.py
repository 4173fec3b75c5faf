"""Constrained subset search: the knowledge points of a task that help most (KnowRL, 2604.12627).

A tool for before training, with the starting policy. Its result is the file that the guidance
``knowledge`` reads. Points that are harmless to remove one by one may hurt when they are removed
together (the interaction paradox), so that subsets are measured, not only single removals.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean

from envgym.errors import Fault, UsageError
from envgym.rollout.runner import Start
from envgym.task import Task
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.reroll import guiding_message
from envgym.utils.seeds import indexed_seed

Subset = frozenset[int]
Measure = Callable[[Sequence[Subset]], Awaitable[Sequence[float]]]
"""Mean scores A(S) of subsets S of a task's points, all measured at once."""

MOST_CANDIDATES = 10
"""Maximum number of points whose every combination is measured: 2 to this power subsets."""


@dataclass(frozen=True)
class SubsetSearch:
    """Result of a search.

    Attributes:
        subset: Indices of the chosen points, in order.
        score: Their mean score.
        measured: Mean score of every measured subset; its length is the number of measurements.
    """

    subset: tuple[int, ...]
    score: float
    measured: Mapping[Subset, float]


async def constrained_subset_search(measure: Measure, n: int, delta: float = 0.0) -> SubsetSearch:
    """Search the subset S* = argmax A(S) of n points, of equal ones the smallest.

    First A(K), A({}) and A(K - i) of all points K. Points whose removal is within `delta` of the
    best removal go; of the others whose removal costs at most `delta`, every combination is tried.
    All measured subsets compete, so that the result is never worse than all points or none.

    Args:
        n: Number of points.
        delta: Tolerance for noise in the mean scores.

    Raises:
        UsageError: More points are candidates than can be combined.
    """
    measured: dict[Subset, float] = {}

    async def add(subsets: Sequence[Subset]) -> None:
        new = [subset for subset in dict.fromkeys(subsets) if subset not in measured]
        measured.update(zip(new, await measure(new) if new else (), strict=True))

    everything = frozenset(range(n))
    await add([frozenset(), everything, *(everything - {i} for i in range(n))])
    removal = {i: measured[everything - {i}] for i in range(n)}
    best = max(removal.values(), default=0.0)
    gone = {i for i in removal if removal[i] >= best - delta}
    candidates = [
        i for i in removal if i not in gone and removal[i] >= measured[everything] - delta
    ]
    if len(candidates) > MOST_CANDIDATES:
        raise UsageError(
            f"{len(candidates)} of {n} points may be removed, and at most {MOST_CANDIDATES} can be "
            "combined: measure with more episodes, lower delta, or give fewer points"
        )
    await add(
        [
            everything - gone - set(removed)
            for size in range(len(candidates) + 1)
            for removed in combinations(candidates, size)
        ]
    )
    chosen = min(measured, key=lambda subset: (-measured[subset], len(subset), sorted(subset)))
    return SubsetSearch(tuple(sorted(chosen)), measured[chosen], measured)


def measure_by_playing(
    player: Player, start: Start, points: Sequence[str], repeats: int
) -> Measure:
    """Make the measurement of a task: the policy plays it `repeats` times with each subset."""

    async def measure(subsets: Sequence[Subset]) -> list[float]:
        groups = [f"{start.group}/{'+'.join(map(str, sorted(s))) or 'none'}" for s in subsets]
        starts = [
            replace(
                start,
                group=group,
                member=member,
                guidance=(guiding_message([points[i] for i in sorted(subset)], vanish=False),)
                if subset
                else (),
                role="guided" if subset else start.role,
                guided_by="subset" if subset else "",
            )
            for group, subset in zip(groups, subsets, strict=True)
            for member in range(repeats)
        ]
        scores: dict[str, list[float]] = {group: [] for group in groups}
        for episode in (await player.play(starts)).episodes:
            scores[episode.group].append(episode.score)
        if lacking := [group for group, found in scores.items() if not found]:
            raise Fault(f"all {repeats} episodes of group {lacking[0]} broke", "env")
        return [fmean(scores[group]) for group in groups]

    return measure


async def choose_subsets(
    player: Player, tasks: Sequence[Task], repeats: int, delta: float = 0.0, seed: int = 0
) -> dict[str, list[int]]:
    """Choose the points of each task: its key to their indices, tasks that need none left out.

    The points are the environment's hints. The result, as JSON, is the file of ``knowledge``.

    Args:
        repeats: Number of episodes per measured subset.
    """
    chosen: dict[str, list[int]] = {}
    for index, task in enumerate(tasks):
        start = Start(indexed_seed(seed, index), task, f"subset{seed}/{index}")
        points = await player.hints(start)
        measure = measure_by_playing(player, start, points, repeats)
        found = await constrained_subset_search(measure, len(points), delta)
        if found.subset:
            chosen[task.key] = list(found.subset)
    return chosen
