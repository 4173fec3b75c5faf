"""Validators and heuristics of the ten problems against brute force, on instances small enough."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from envgym.environments.puzzles.np.problem import LEVELS, Infeasible, Instance
from envgym.environments.puzzles.np.problems import PROBLEMS

SMALL = {
    "clique": {"nodes": (6, 7), "planted": (3, 3), "percent": (50, 50)},
    "independent_set": {"nodes": (6, 7), "planted": (3, 3), "percent": (50, 50)},
    "coloring": {"nodes": (5, 5), "colours": (3, 3), "percent": (60, 60)},
    "meetings": {"meetings": (3, 3), "people": (3, 3)},
    "bisection": {"half": (4, 4), "inside": (70, 70), "across": (30, 30)},
    "subset_sum": {"numbers": (5, 7), "top": (6, 9)},
    "cover": {"elements": (5, 8), "sets": (4, 7)},
    "knapsack": {"fitting": (3, 4), "more": (2, 3)},
    "tour": {"cities": (6, 6)},
    "cycle": {"nodes": (6, 6), "percent": (30, 30)},
}


def subsets(n: int) -> Iterator[list[int]]:
    for size in range(1, n + 1):
        yield from map(list, itertools.combinations(range(n), size))


def joined(instance: Instance, a: int, b: int) -> bool:
    return [min(a, b), max(a, b)] in instance["edges"]


def clique(i: Instance) -> Iterator[tuple[list[Any], int | None]]:
    for nodes in subsets(i["nodes"]):
        fits = all(joined(i, a, b) for a, b in itertools.combinations(nodes, 2))
        yield nodes, len(nodes) if fits else None


def independent_set(i: Instance) -> Iterator[tuple[list[Any], int | None]]:
    for nodes in subsets(i["nodes"]):
        fits = not any(joined(i, a, b) for a, b in itertools.combinations(nodes, 2))
        yield nodes, len(nodes) if fits else None


def coloring(i: Instance) -> Iterator[tuple[list[Any], int | None]]:
    for colours in itertools.product(range(4), repeat=i["nodes"]):
        clash = any(colours[a] == colours[b] for a, b in i["edges"])
        yield list(colours), None if clash else len(set(colours))


def meetings(i: Instance) -> Iterator[tuple[list[Any], int | None]]:
    for starts in itertools.product((None, *range(9)), repeat=len(i["meetings"])):
        plan = [[m, s] for m, s in enumerate(starts) if s is not None]
        busy = [
            (person, hour)
            for m, s in plan
            for person in i["meetings"][m]["people"]
            for hour in range(s, s + i["meetings"][m]["hours"])
        ]
        fits = len(busy) == len(set(busy)) and all(h in i["free"][p] for p, h in busy)
        yield plan, len(plan) if fits and plan else None


def bisection(i: Instance) -> Iterator[tuple[list[Any], int | None]]:
    for nodes in subsets(i["nodes"]):
        cut = sum((a in nodes) != (b in nodes) for a, b in i["edges"])
        yield nodes, cut if len(nodes) == i["nodes"] / 2 else None


def subset_sum(i: Instance) -> Iterator[tuple[list[Any], int | None]]:
    for places in subsets(len(i["numbers"])):
        total = sum(i["numbers"][p] for p in places)
        yield places, len(places) if total == i["target"] else None


def cover(i: Instance) -> Iterator[tuple[list[Any], int | None]]:
    for chosen in subsets(len(i["sets"])):
        held = {element for c in chosen for element in i["sets"][c]}
        yield chosen, len(chosen) if len(held) == i["elements"] else None


def knapsack(i: Instance) -> Iterator[tuple[list[Any], int | None]]:
    for chosen in subsets(len(i["items"])):
        weight, value = (sum(i["items"][c][k] for c in chosen) for k in (0, 1))
        yield chosen, value if weight <= i["capacity"] else None


def tour(i: Instance) -> Iterator[tuple[list[Any], int | None]]:
    for trip in itertools.permutations(range(len(i["cities"]))):
        legs = zip(trip, (*trip[1:], trip[0]), strict=True)
        ends = [(i["cities"][a], i["cities"][b]) for a, b in legs]
        yield (
            list(trip),
            sum(round(((x - u) ** 2 + (y - v) ** 2) ** 0.5) for (x, y), (u, v) in ends),
        )


def cycle(i: Instance) -> Iterator[tuple[list[Any], int | None]]:
    for size in range(1, i["nodes"] + 1):
        for path in itertools.permutations(range(i["nodes"]), size):
            steps = zip(path, (*path[1:], path[0]), strict=True)
            fits = size > 2 and all(joined(i, a, b) for a, b in steps)
            yield list(path), size if fits else None


BRUTE: dict[str, Callable[[Instance], Iterator[tuple[list[Any], int | None]]]] = {
    f.__name__: f
    for f in (
        *(clique, independent_set, coloring, meetings, bisection),
        *(subset_sum, cover, knapsack, tour, cycle),
    )
}
EXACT = {"subset_sum", "knapsack", "cycle"}


@pytest.mark.parametrize("name", PROBLEMS)
def test_validator_and_reference_against_every_solution(name: str) -> None:
    problem, ratios = PROBLEMS[name], []
    for seed in range(5):
        instance, reference = problem.generate(random.Random(seed), SMALL[name])
        values = []
        for solution, wanted in BRUTE[name](instance):
            try:
                value: int | None = problem.value(instance, solution)
            except Infeasible:
                value = None
            assert value == wanted, (instance, solution)
            values += [] if value is None else [value]
        best = (max if problem.goal == "max" else min)(values)
        given = problem.value(instance, reference)
        assert problem.ratio(best, given) == 1.0  # nothing scores above the reference's 1.0
        ratios.append(problem.ratio(given, best))
    assert min(ratios) == 1.0 if name in EXACT else sum(ratios) / len(ratios) > 0.97


@pytest.mark.parametrize("name", PROBLEMS)
def test_references_are_feasible_at_every_size(name: str) -> None:
    problem = PROBLEMS[name]
    for size, level in zip(problem.sizes, LEVELS, strict=True):
        instance, reference = problem.generate(random.Random(level), size)
        assert json.loads(json.dumps([instance, reference])) == [instance, reference]
        value = problem.value(instance, reference)
        assert value >= 1
        assert problem.ratio(value, value) == 1.0


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize(
    "forge",
    [
        lambda s: [],
        lambda s: s + s,
        lambda s: s + s[:1],
        lambda s: [s[0]] * len(s),
        lambda s: [-1, *s[1:]],
        lambda s: [999, *s[1:]],
        lambda s: [10**400, *s[1:]],
        lambda s: [str(s[0]), *s[1:]],
        lambda s: [None, *s[1:]],
        lambda s: [s],
        lambda s: [{}, *s],
        lambda s: [float("nan"), *s[1:]],
        lambda s: [s[0] == s[0], *s[1:]],
        lambda s: [s[0] * 1.0, *s[1:]] if isinstance(s[0], int) else [[0.0, 1.0], *s[1:]],
        lambda s: [[*s[0], 0], *s[1:]] if isinstance(s[0], list) else [[x] for x in s],
    ],
)
def test_what_is_no_solution_has_no_value(name: str, forge: Callable[[Any], Any]) -> None:
    problem = PROBLEMS[name]
    for seed in range(3):
        instance, reference = problem.generate(random.Random(seed), problem.sizes[0])
        with pytest.raises(Infeasible):
            problem.value(instance, forge(reference))


def test_a_colouring_is_as_long_as_the_graph_and_fits_it() -> None:
    instance = {"nodes": 3, "edges": [[0, 1]]}
    for colours in ([0, 0, 0], [0, 1], [0, 1, 2, 2], [0, 1, 3], [0, -1, 0], [True, 0, 0]):
        with pytest.raises(Infeasible):
            PROBLEMS["coloring"].value(instance, colours)
    assert PROBLEMS["coloring"].value(instance, [2, 1, 1]) == 2
