"""Recorded attempts to ask for hints on: played ones, and ones that no rollout would keep."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from typing import Any

from envgym.checker.idle_agent import Idle
from envgym.checker.malformed_actions import NOTHING, malformed_actions
from envgym.checker.target import Target
from envgym.env import Env
from envgym.messages import Action, Message
from envgym.rollout.runner import Start, run_episode
from envgym.task import Task
from envgym.tools import ToolSpec
from envgym.trajectory import Episode, Trajectory, Turn

_ODD_REPLY = "\x00 1 of 2 tests passed.\n[1] : \nError"


async def played_attempts(target: Target, seed: int) -> AsyncIterator[tuple[Env[Any], Episode]]:
    """Failed attempts at a seed's task, each with the instance that played it.

    One does nothing, one calls tools at random, one is a near miss. Those with a fault are left
    out: other checks find it.
    """
    # Loaded on demand: the contract stands below the agents.
    from envgym.agents.random_agent import RandomAgent
    from envgym.agents.scripted import ScriptedAgent

    async with target.env() as env:
        await env.reset(seed=seed)
        near = [list(actions) for actions in islice(env.near_misses(), 1)]
    scripts = [[*actions, *[NOTHING] * env.max_turns] for actions in near]
    for agent in (Idle(), RandomAgent(), *map(ScriptedAgent, scripts)):
        async with target.env() as env:
            attempt = await run_episode(env, agent, Start(seed))
            if attempt.fault is None:
                yield env, attempt


def odd_attempts(tools: Sequence[ToolSpec], task: Task) -> Iterator[tuple[str, Episode]]:
    """Attempts that are cut, faulted or written by hand, each with a name."""
    yield "one without a trajectory", _attempt(task, {}, fault="env: the reset failed")
    yield "one without turns", _attempt(task, {"agent": Trajectory()})
    yield "one whose action is unknown", _attempt(task, _seat(None, ()))
    for what, action in malformed_actions(tools):
        replies = tuple(Message("tool", _ODD_REPLY) for _ in action.tool_calls)
        yield f"{what} without a reply", _attempt(task, _seat(action, ()))
        yield f"{what} with an odd reply", _attempt(task, _seat(action, replies))


def _seat(action: Action | None, replies: tuple[Message, ...]) -> dict[str, Trajectory]:
    return {"agent": Trajectory(turns=[Turn([], [], taken=action)], final=replies)}


def _attempt(task: Task, seats: dict[str, Trajectory], fault: str | None = None) -> Episode:
    return Episode("0/0", "", task, 0, trajectories=seats, fault=fault)
