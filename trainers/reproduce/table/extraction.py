"""Extraction of an environment's state machine: every action is tried in every named state.

States are those that `Env.anchor` names. Each is reached by the shortest path of actions from a
reset, so that nothing of the environment's rules is written a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from envgym.env import Env
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.task import Task
from envgym.trainers.reproduce.table.machine import Machine

MOST_STATES = 1000
"""Maximum number of states: each costs a reset and a path per action."""
_SEEDS = (0, 1)
"""Seeds with which each action is tried; another outcome means that chance decides."""

Outcome = tuple[str, float, float, bool]
"""Name of the next state, reward, score, and whether the action ended the episode."""


def parse_action(text: str) -> Action:
    """Action of a line such as ``take key=gold``: a tool's name and its text arguments."""
    name, *arguments = text.split()
    pairs = [argument.partition("=") for argument in arguments]
    if any(not equals for _, equals, _ in pairs):
        raise UsageError(f"write an action as 'tool argument=value …', not {text!r}")
    return Action.call(name, **{key: value for key, _, value in pairs})


async def extract(env: Env[Any], task: Task, actions: Sequence[str]) -> Machine:
    """State machine of one task.

    Args:
        actions: Actions as `parse_action` reads them.

    Raises:
        UsageError: The environment names no states, has too many, or chance decides an outcome.
    """
    calls = [parse_action(text) for text in actions]
    first, *_ = await _outcome(env, task, (), _SEEDS[0])
    if not first:
        raise UsageError(f"{env.spec.id} names no states (Env.anchor): take another environment")
    paths: dict[str, tuple[Action, ...]] = {first: ()}
    outcomes: dict[str, list[Outcome]] = {}
    while waiting := [state for state in paths if state not in outcomes]:
        for state in waiting:
            path = paths[state]
            outcomes[state] = [await _certain(env, task, (*path, call)) for call in calls]
            if len(path) + 1 < env.max_turns:
                for call, (name, _, _, over) in zip(calls, outcomes[state], strict=True):
                    if not over:
                        paths.setdefault(name, (*path, call))
        if len(paths) > MOST_STATES:
            raise UsageError(f"more than {MOST_STATES} states: take a smaller environment")
    return _machine(outcomes, list(actions), env.max_turns)


async def _certain(env: Env[Any], task: Task, path: Sequence[Action]) -> Outcome:
    found = [await _outcome(env, task, path, seed) for seed in _SEEDS]
    if len(set(found)) > 1:
        raise UsageError(
            f"{env.spec.id}: chance decides what {path[-1]} does: a table needs an environment "
            "without chance"
        )
    return found[0]


async def _outcome(env: Env[Any], task: Task, path: Sequence[Action], seed: int) -> Outcome:
    """Outcome of a path's last action after a reset."""
    _, info = await env.reset(seed=seed, options={"task": task})
    reward, over = 0.0, False
    for action in path:
        _, reward, over, _, info = await env.step(action)
    return info.get("anchor", ""), reward, info["score"] if over else 0.0, over


def _machine(outcomes: dict[str, list[Outcome]], actions: list[str], horizon: int) -> Machine:
    index = {state: i for i, state in enumerate(outcomes)}
    rows = list(outcomes.values())
    # A state that is first met when the turns are spent is never acted in: it counts as an end.
    following = [[-1 if over else index.get(name, -1) for name, _, _, over in row] for row in rows]
    score = np.array([[score for _, _, score, _ in row] for row in rows])
    return Machine(
        states=list(outcomes),
        actions=actions,
        next_state=np.array(following),
        reward=np.array([[reward for _, reward, _, _ in row] for row in rows]),
        score=score,
        horizon=horizon,
        test_score=score[None],
    )
