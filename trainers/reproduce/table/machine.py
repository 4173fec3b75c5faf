"""Finite state machine of an environment, and the exact evaluation of a policy in it.

Success and turns of a tabular policy follow by dynamic programming over the turns, so that an
evaluation has no sampling error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

KS = (1, 2, 4, 8, 16)
"""Values of k for which pass@k is reported."""

Probs = Float[np.ndarray, "states actions"]


@dataclass(frozen=True)
class Machine:
    """Deterministic state machine with a finite horizon.

    Attributes:
        states, actions: Names.
        next_state: State after an action; -1 where the action ends the episode.
        reward: Reward of an action.
        score: Score of an episode that the action ends. An episode that is cut scores 0.
        horizon: Number of turns after which an episode is cut.
        test_score: `score` in each evaluation task; tasks share all else.
        start: State in which episodes begin.
    """

    states: list[str]
    actions: list[str]
    next_state: Int[np.ndarray, "states actions"]
    reward: Float[np.ndarray, "states actions"]
    score: Float[np.ndarray, "states actions"]
    horizon: int
    test_score: Float[np.ndarray, "tasks states actions"]
    start: int = 0


def evaluate(machines: Sequence[Machine], probs: Probs) -> dict[str, Any]:
    """Exact figures of a policy, without sampling.

    Args:
        machines: Machines that share the table, each with its evaluation tasks.
        probs: Probability of each action in each state.

    Returns:
        ``score`` and ``pass_at`` (k attempts with scores of 0 or 1; by k), means over the
        evaluation tasks; ``turns``, the mean number per episode; ``entropy``, the mean per turn in
        nats.
    """
    successes, visits = zip(*(_outcomes(machine, probs) for machine in machines), strict=True)
    success, visited = np.concatenate(successes), np.mean(visits, axis=0)
    entropy = -(probs * np.log(np.maximum(probs, 1e-300))).sum(1)
    return {
        "score": float(success.mean()),
        "turns": float(visited.sum()),
        "entropy": float(visited @ entropy / visited.sum()),
        "pass_at": {str(k): float((1 - (1 - success) ** k).mean()) for k in KS},
    }


def _outcomes(machine: Machine, probs: Probs) -> tuple[np.ndarray, np.ndarray]:
    """Probability of success per evaluation task, and expected visits per state."""
    facing: np.ndarray = np.zeros(len(machine.states))
    facing[machine.start] = 1.0
    visits = np.zeros_like(facing)
    ended = np.zeros_like(probs)
    ends = machine.next_state < 0
    for _ in range(machine.horizon):
        visits += facing
        taken = facing[:, None] * probs
        ended += np.where(ends, taken, 0.0)
        facing = np.bincount(machine.next_state[~ends], taken[~ends], len(facing))
    return np.clip((machine.test_score * ended).sum((1, 2)), 0.0, 1.0), visits
