"""Traces: episodes that the checks play and compare."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from envgym.checker.malformed_actions import NOTHING, malformed_actions
from envgym.checker.target import Target
from envgym.env import Env, Info, StepResult
from envgym.errors import UsageError
from envgym.messages import Action, Observation
from envgym.task import Task


@dataclass
class Trace:
    """Record of one episode: task, observations, actions and step results.

    Attributes:
        actions: Actions, in order.
        steps: Step result of each action.
    """

    task: Task
    first: Observation
    info: Info
    actions: list[Action] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Flag that the episode is over."""
        return bool(self.steps) and self.steps[-1].done

    @property
    def score(self) -> float:
        """The last score."""
        return self.steps[-1].info["score"] if self.steps else self.info["score"]

    @property
    def observations(self) -> list[Observation]:
        """All observations, the first one included."""
        return [self.first, *(step.observation for step in self.steps)]


async def begin(env: Env[Any], *, seed: int, **options: Any) -> Trace:
    """Reset the environment and start a trace."""
    observation, info = await env.reset(seed=seed, options=options)
    return Trace(env.task, observation, info)


async def step(env: Env[Any], trace: Trace, action: Action) -> StepResult:
    """Step the environment and record the result."""
    result = await env.step(action)
    trace.actions.append(action)
    trace.steps.append(result)
    return result


async def play_oracle(env: Env[Any], trace: Trace) -> Trace:
    """Play the oracle's actions in the current episode."""
    async for action in env.oracle():
        if (await step(env, trace, action)).done:
            break
    return trace


async def play_oracle_or_stop(env: Env[Any], trace: Trace) -> Trace:
    """Play the oracle's episode, or none where the environment has no oracle."""
    try:
        return await play_oracle(env, trace)
    except UsageError:
        return trace


async def play_nothing(env: Env[Any], trace: Trace) -> Trace:
    """Play empty actions until the end of the episode."""
    for _ in range(env.max_turns):
        if (await step(env, trace, NOTHING)).done:
            break
    return trace


async def script(target: Target, seed: int, **options: Any) -> list[Action]:
    """Make the actions to play: a few malformed ones, to compare answers, then the oracle's."""
    async with target.env() as env:
        oracle = (await play_oracle_or_stop(env, await begin(env, seed=seed, **options))).actions
        broken = [action for _, action in malformed_actions(env.tools)][3:6]
    return [*broken[: max(0, env.max_turns - len(oracle))], *oracle]


async def alone(target: Target, seed: int, actions: Sequence[Action], **options: Any) -> Trace:
    """Play actions in an instance of their own."""
    async with target.env() as env:
        return await replay(env, actions, seed=seed, **options)


async def replay(
    env: Env[Any],
    actions: Sequence[Action],
    *,
    seed: int,
    between: Callable[[], Awaitable[Any]] | None = None,
    **options: Any,
) -> Trace:
    """Play recorded actions; `between`, where given, is awaited before each step."""
    trace = await begin(env, seed=seed, **options)
    for action in actions:
        if between is not None:
            await between()
        if (await step(env, trace, action)).done:
            break
    return trace


def difference(a: Trace, b: Trace) -> str | None:
    """Describe the first difference between two episodes; None where they are equal."""
    if a.task.to_json() != b.task.to_json():
        return "another task was drawn"
    if a.first != b.first:
        return f"the first observations differ: {apart(a.first.text, b.first.text)}"
    if repr(a.info) != repr(b.info):
        return f"the first infos differ: {apart(repr(a.info), repr(b.info))}"
    for number, (one, other) in enumerate(zip(a.steps, b.steps, strict=False)):
        for name, left, right in zip(one._fields, one, other, strict=True):
            if repr(left) != repr(right):
                return f"step {number}: {name} differs: {apart(repr(left), repr(right))}"
    return None if len(a.steps) == len(b.steps) else "one episode is longer"


def apart(a: str, b: str) -> str:
    """Quote two texts around the position where they differ."""
    at = len(os.path.commonprefix([a, b]))  # noqa: RUF071  (by character is what is meant)
    return f"{a[max(0, at - 20) : at + 40]!r} and {b[max(0, at - 20) : at + 40]!r}"
