"""Meeting scheduling."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from envgym.environments.puzzles.np.problem import Infeasible, Instance, Problem, Size, pick, whole

HOURS = 9
"""Working hours per day."""


class Meetings(Problem):
    """Schedule as many meetings as possible in one day without a clash of persons."""

    name = "meetings"
    asks = (
        "Schedule as many meetings as you can. A meeting runs for its whole length within the day, "
        "all its people are free all the while, and nobody is in two meetings at once. Answer with "
        "a list of pairs [meeting, first hour], such as [[0, 2], [3, 5]]."
    )
    goal = "max"
    sizes = (
        {"meetings": (4, 5), "people": (3, 4)},
        {"meetings": (5, 6), "people": (4, 5)},
        {"meetings": (6, 7), "people": (4, 5)},
        {"meetings": (8, 10), "people": (5, 6)},
    )
    method = (
        "place short meetings with few people last, and first those that fit in few hours; where "
        "one does not fit, see whether moving another makes room."
    )

    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """People with busy hours, and meetings of several people."""
        meetings, people = pick(rng, size).values()
        while True:
            instance = {
                "free": [
                    sorted(rng.sample(range(HOURS), rng.randint(5, HOURS - 1)))
                    for _ in range(people)
                ],
                "meetings": [
                    {
                        "hours": rng.randint(1, 3),
                        "people": sorted(rng.sample(range(people), rng.randint(2, 3))),
                    }
                    for _ in range(meetings)
                ],
            }
            best = max((_greedy_schedule(rng, instance) for _ in range(60)), key=len)
            if best:
                return instance, [list(pair) for pair in sorted(best)]

    def show(self, instance: Instance) -> str:
        """Free hours and attendees as text."""
        free = [f"Person {p} is free in the hours {h}." for p, h in enumerate(instance["free"])]
        wanted = [
            f"Meeting {i} takes {m['hours']} h and the people {m['people']}."
            for i, m in enumerate(instance["meetings"])
        ]
        return "\n".join([f"The day has the hours 0 to {HOURS - 1}.", *free, *wanted])

    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """Number of meetings held."""
        free = [set(hours) for hours in instance["free"]]
        held = set[int]()
        for pair in solution:
            if not isinstance(pair, list) or len(pair) != 2:
                raise Infeasible(f"{str(pair)[:40]} is no pair [meeting, first hour]")
            meeting = whole(pair[0], len(instance["meetings"]), "meeting")
            start = whole(pair[1], HOURS, "hour")
            if meeting in held:
                raise Infeasible(f"meeting {meeting} is held more than once")
            held.add(meeting)
            hours = _hours(instance, meeting, start)
            for person in instance["meetings"][meeting]["people"]:
                if not hours <= free[person]:
                    raise Infeasible(f"person {person} has no time for meeting {meeting} then")
                free[person] -= hours
        if not held:
            raise Infeasible("there is no meeting in it")
        return len(held)


def _hours(instance: Instance, meeting: int, start: int) -> set[int]:
    """Hours of a meeting; an hour past the end of the day is never free."""
    return set(range(start, start + instance["meetings"][meeting]["hours"]))


def _greedy_schedule(rng: random.Random, instance: Instance) -> list[tuple[int, int]]:
    """Random greedy schedule: each meeting at its first or last possible hour."""
    free = [set(hours) for hours in instance["free"]]
    placed = []
    for meeting in rng.sample(range(len(instance["meetings"])), len(instance["meetings"])):
        people = instance["meetings"][meeting]["people"]
        fits = [
            start
            for start in range(HOURS)
            if all(_hours(instance, meeting, start) <= free[person] for person in people)
        ]
        if fits:
            start = rng.choice((fits[0], fits[-1]))
            placed.append((meeting, start))
            for person in people:
                free[person] -= _hours(instance, meeting, start)
    return placed
