"""Episodes made by hand for the trainers' tests."""

from __future__ import annotations

from envgym.task import Task
from envgym.trajectory import Episode, Span, Trajectory, Turn


def episode(
    turns: list[tuple[list[int], list[int]]],
    *,
    reward: float = 0.0,
    score: float = 0.0,
    group: str = "g",
    logprob: float = -1.0,
    restart: tuple[int, ...] = (),
) -> Episode:
    """An episode of (context ids, action ids) turns whose last turn has the reward."""
    made = [
        Turn(
            [Span("user", context)],
            action,
            [logprob] * len(action),
            [0] * len(action),
            restart=index in restart,
        )
        for index, (context, action) in enumerate(turns)
    ]
    made[-1].reward = reward
    return Episode(
        "e", "t-v0", Task({}), 0, group, score, trajectories={"agent": Trajectory("agent", made)}
    )
