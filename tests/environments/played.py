"""Attempts for tests of hints: given actions, then silence until the episode ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envgym import Action, Task
from envgym.agents.scripted import ScriptedAgent
from envgym.env import Env
from envgym.messages import Message
from envgym.rollout.runner import Start, run_episode
from envgym.trajectory import Episode, Trajectory, Turn


async def attempted(env: Env[Any], task: Task | None, *actions: Action) -> Episode:
    """Play actions from a reset; whatever turns are left go by in silence."""
    script = [*actions, *[Action("I give up.")] * env.max_turns]
    return await run_episode(env, ScriptedAgent(script), Start(0, task))


def recorded(*steps: tuple[Action | None, Sequence[str]], task: Task | None = None) -> Episode:
    """Attempt written by hand: actions, each with the tool replies that followed it."""
    turns = [Turn([], [], taken=action) for action, _ in steps]
    replies = [tuple(Message("tool", reply) for reply in replies) for _, replies in steps]
    for turn, before in zip(turns[1:], replies, strict=False):
        turn.messages = before
    final = replies[-1] if replies else ()
    trajectory = Trajectory(turns=turns, final=final)
    return Episode("0/0", "test", task or Task({}), 0, trajectories={"agent": trajectory})
