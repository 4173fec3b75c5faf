"""The environment under examination, and the ways every check plays it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from envgym.env import Env, Info, StepResult
from envgym.errors import UsageError
from envgym.messages import Action, Observation
from envgym.task import Task

NOTHING = Action()


@dataclass
class Trace:
    """One episode as it was seen.

    Attributes:
        actions: What was done.
        steps: What each action led to.
    """

    task: Task
    first: Observation
    info: Info
    actions: list[Action] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether the episode came to an end."""
        return bool(self.steps) and self.steps[-1].done

    @property
    def score(self) -> float:
        """The last score."""
        return self.steps[-1].info["score"] if self.steps else self.info["score"]

    @property
    def observations(self) -> list[Observation]:
        """All observations, the first one included."""
        return [self.first, *(step.observation for step in self.steps)]


@dataclass
class Subject:
    """How to make the environment, and how much of it to look at.

    Attributes:
        episodes: Tasks looked at in each split, and seeds tried.
        splits: The splits it is expected to have; ``test`` may be missing.
    """

    make: Callable[[], Env[Any]]
    episodes: int = 4
    splits: Sequence[str] = ("train", "test")

    @asynccontextmanager
    async def env(self) -> Any:
        """A fresh instance, closed at the end."""
        env = self.make()
        try:
            yield env
        finally:
            await env.close()

    def sources(self, env: Env[Any]) -> Iterator[tuple[str, Sequence[Task]]]:
        """The splits that are there; the first one has to be."""
        for split in self.splits:
            try:
                source = env.tasks(split)
            except UsageError:
                if split == self.splits[0]:
                    raise
                continue
            yield split, source


def spread(size: int, count: int) -> list[int]:
    """`count` indices spread evenly over ``range(size)``; all of them when there are fewer."""
    count = min(size, count)
    return [i * size // count for i in range(count)]


async def begin(env: Env[Any], *, seed: int, **options: Any) -> Trace:
    """Reset and start a trace."""
    observation, info = await env.reset(seed=seed, options=options)
    return Trace(env.task, observation, info)


async def step(env: Env[Any], trace: Trace, action: Action) -> StepResult:
    """Step and note it down."""
    result = await env.step(action)
    trace.actions.append(action)
    trace.steps.append(result)
    return result


async def play_oracle(env: Env[Any], trace: Trace) -> Trace:
    """Let the oracle play the episode that has begun."""
    async for action in env.oracle():
        if (await step(env, trace, action)).done:
            break
    return trace


async def play_nothing(env: Env[Any], trace: Trace) -> Trace:
    """Do nothing until the end, for as many turns as there are."""
    for _ in range(env.max_turns):
        if (await step(env, trace, NOTHING)).done:
            break
    return trace


async def replay(
    env: Env[Any],
    actions: Sequence[Action],
    *,
    seed: int,
    between: Callable[[], Awaitable[Any]],
) -> Trace:
    """Play recorded actions; `between` is awaited before each step."""
    trace = await begin(env, seed=seed)
    for action in actions:
        await between()
        if (await step(env, trace, action)).done:
            break
    return trace
