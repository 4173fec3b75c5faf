"""Random episodes: several turns, rewritten histories, hints, seats, many rewards of zero."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from random import Random

import numpy as np
from hypothesis import strategies as st

from envgym.messages import Kind, user
from envgym.task import Task
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.loop import as_groups
from envgym.trainers.rewards import EnvironmentReward
from envgym.trajectory import Episode, Span, Trajectory, Turn

VOCAB = 40
KINDS: tuple[Kind, ...] = ("system", "user", "tool", "hint", "critic", "shown", "prefix")
REWARDS = (0.0, 0.0, 1.0, -0.5, 0.1)
chances = st.integers(0, 2**32).map(Random)  # where variety is all that counts: draws cost time


def some_ids(chance: Random, least: int, most: int) -> list[int]:
    return [chance.randrange(VOCAB) for _ in range(chance.randint(least, most))]


def trajectory(chance: Random, seat: str, turns: int) -> Trajectory:
    made = []
    for index in range(turns):
        restart = index > 0 and chance.random() < 0.5
        spans = range(chance.randrange(4))
        context = [Span(chance.choice(KINDS), some_ids(chance, 0, 3)) for _ in spans]
        if index == 0 or restart:  # a context without hints is never empty
            context.insert(0, Span("user", some_ids(chance, 1, 3)))
        action = some_ids(chance, 1, 4)
        logprobs = [chance.uniform(-6, -0.5) for _ in action]
        reward = chance.choice(REWARDS)
        made.append(Turn(context, action, logprobs, [0] * len(action), restart, reward))
    return Trajectory(seat, made)


@st.composite
def groups_of_episodes(
    draw: st.DrawFn, seats: int = 2, turns: int = 4, groups: int = 3, size: int = 4
) -> list[Episode]:
    """How many there are of everything is drawn, and what they are left to chance."""
    chance = draw(chances)
    names = [f"seat {i}" for i in range(draw(st.integers(1, seats)))]
    lengths = st.lists(st.integers(1, turns), min_size=1, max_size=size)  # an episode each
    episodes = []
    for group, members in enumerate(draw(st.lists(lengths, min_size=1, max_size=groups))):
        for member, length in enumerate(members):
            made = Episode(f"{group}/{member}", "t-v0", Task({}), 0, f"g{group}")
            made.trajectories = {name: trajectory(chance, name, length) for name in names}
            episodes.append(made)
    return episodes


def rewarded(episodes: Sequence[Episode]) -> list[Group]:
    """The loop's groups of them, with the environment's rewards."""
    groups = as_groups(episodes)
    EnvironmentReward()(groups)
    return groups


def informed(groups: Sequence[Group]) -> Sequence[Group]:
    """The groups with what was seen, a critic's values, norms and a reference's log-probs."""
    for sample in samples_of(groups):
        turns = sample.trajectory.turns
        for index, turn in enumerate(turns):
            turn.messages = turn.messages or (user("ab"[index % 2]),)
        lengths = [len(turn.action) for turn in turns]
        sample.value = [np.full(n, 0.5, np.float32) for n in lengths]
        sample.norms = [np.linspace(0.2, 0.9, n, dtype=np.float32) for n in lengths]
        sample.ref_logp = [np.linspace(-2, -1, n, dtype=np.float32) for n in lengths]
    return groups


def samples_of(groups: Sequence[Group]) -> list[Sample]:
    return [sample for group in groups for sample in group]


def changed(episodes: Sequence[Episode]) -> list[Episode]:
    """Copies to change."""
    return copy.deepcopy(list(episodes))


def turns_of(episodes: Sequence[Episode]) -> list[Turn]:
    return [turn for e in episodes for t in e.trajectories.values() for turn in t.turns]
