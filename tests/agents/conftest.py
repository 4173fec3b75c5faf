"""A small environment that the tests of agents play."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal

import pytest
from pydantic import BaseModel

from envgym.messages import Action
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool


class Item(BaseModel):
    name: str
    amount: int = 1


class Guess(ToolEnv[Task]):
    """Say the hidden number; the oracle takes two turns."""

    def tasks(self, split: str = "train") -> Sequence[Task]:
        return TaskSource.generated(lambda r: Task({}, {"n": r.randint(0, 9)}), size=20, seed=split)

    async def start(self, task: Task) -> str:
        return "Guess a number from 0 to 9."

    @tool
    async def look(self, where: Literal["left", "right"], items: list[Item] | None = None) -> str:
        """Look somewhere."""
        return f"nothing {where}"

    @tool
    async def guess(self, number: int) -> str:
        """Say the number."""
        self.end(float(number == self.task.hidden["n"]))
        return "done"

    async def oracle(self) -> AsyncIterator[Action]:
        yield Action.call("look", where="left")
        yield Action.call("guess", number=self.task.hidden["n"])


@pytest.fixture
def guess() -> type[Guess]:
    return Guess
