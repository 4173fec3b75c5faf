"""A tiny environment, and agents that play it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from envgym.agent import Agent, Completion, Context
from envgym.env import Env
from envgym.messages import Action
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool


class Guess(ToolEnv[Task]):
    """Find the hidden number in five turns."""

    max_turns = 5

    def tasks(self, split: str = "train") -> Sequence[Task]:
        def make(rng: Any) -> Task:
            low = rng.randrange(10**6)
            return Task({"low": low}, {"answer": low + rng.randrange(10)}, split)

        return TaskSource.generated(make, size=50, seed=split)

    async def start(self, task: Task) -> str:
        low = task.data["low"]
        return f"Guess my number from {low} to {low + 9}. Luck {self.rng.randrange(10**6)}."

    @tool
    async def guess(self, number: int) -> str:
        """Say a number.

        Args:
            number: The number.
        """
        wanted = self.task.hidden["answer"]
        if number == wanted:
            self.end(1.0)
            return "Right."
        self.add_reward(-0.125)
        return "Higher." if number < wanted else "Lower."

    async def oracle(self) -> AsyncIterator[Action]:
        yield Action.call("guess", number=self.task.hidden["answer"])

    def hints(self, attempt: Any = None) -> Sequence[str]:
        return ("Halve the range.",)


def wrong(env: Env[Any]) -> Action:
    """A guess that misses."""
    return Action.call("guess", number=env.task.data["low"] - 1)


def right(env: Env[Any]) -> Action:
    """A guess that hits."""
    return Action.call("guess", number=env.task.hidden["answer"])


class Solver(Agent):
    """Misses `misses` times, then hits."""

    def __init__(self, misses: int = 1) -> None:
        self.misses = misses
        self.envs: dict[str, Env[Any]] = {}

    async def begin(self, session: str, env: Env[Any]) -> None:
        self.envs[session] = env

    async def act(self, context: Context) -> Completion:
        env = self.envs[context.session]
        return Completion(action=wrong(env) if env.turn < self.misses else right(env))

    async def end(self, session: str) -> None:
        del self.envs[session]
