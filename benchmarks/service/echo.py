"""The environment of `bench service`, as envgym has one written."""

from __future__ import annotations

from collections.abc import Sequence

from envgym import Action, Env, Task, TaskSource

TASKS = TaskSource.rows([Task({})])


class Echo(Env[Task]):
    """Says again what it is told."""

    max_turns = 1_000_000

    def tasks(self, split: str = "train") -> Sequence[Task]:
        return TASKS

    async def start(self, task: Task) -> str:
        return "Speak."

    async def act(self, action: Action) -> str:
        self.add_reward(len(action.text) / 10)
        return action.text
