"""The maze of `bench engine` as an envgym environment."""

from __future__ import annotations

from collections.abc import Sequence

from shapes import PROMPT, TURNS, WALL

from envgym import Task, TaskSource, ToolEnv, tool


class Maze(ToolEnv[Task]):
    """One tool; the reward is the share of right turns."""

    max_turns = TURNS
    no_tool_call = "end"

    def tasks(self, split: str = "train") -> Sequence[Task]:
        """One task."""
        return TaskSource.rows([Task({})])

    async def start(self, task: Task) -> str:
        """The prompt."""
        self.right = 0
        return PROMPT

    @tool
    async def move(self, to: str) -> str:
        """Move one step in the maze, towards one side.

        Args:
            to: Where to: left or right.
        """
        self.right += to == "right"
        return WALL

    def partial_score(self) -> float:
        """The share of right turns."""
        return self.right / (TURNS - 1)
