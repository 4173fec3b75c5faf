"""Sound environments of every shape pass: a check that cries wolf is worse than none."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from envgym.checker import check
from envgym.errors import ToolError
from envgym.messages import Action, Message, Observation, system, user
from envgym.resources import Shared
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from tests.envgym.checker.readme_world import GuessNumber


class Sum(ToolEnv[Task]):
    """Numbers to add up, whose sum is hidden."""

    max_turns = 6

    def tasks(self, split: str = "train") -> Sequence[Task]:
        def make(rng: random.Random) -> Task:
            numbers = [rng.randrange(100, 999) for _ in range(3)]
            return Task({"numbers": numbers}, {"sum": sum(numbers)}, split)

        return TaskSource.generated(make, size=60, seed=split)

    async def start(self, task: Task) -> Any:
        return f"Add up {task.data['numbers']}."

    @tool
    async def answer(self, total: int) -> str:
        """Give the sum."""
        self.end(float(total == self.task.hidden["sum"]))
        return "Noted."

    async def oracle(self) -> AsyncIterator[Action]:
        yield Action.call("answer", total=self.task.hidden["sum"])


class InThreads(Sum):
    """Plain tools."""

    @tool(parallel=True)
    def add(self, a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    async def oracle(self) -> AsyncIterator[Action]:
        a, b, c = self.task.data["numbers"]
        yield Action.call("add", a=a, b=b)
        yield Action.call("answer", total=a + b + c)


class Waiting(Sum):
    """Waits at every turn, like one that asks a server."""

    async def start(self, task: Task) -> Any:
        await asyncio.sleep(0)
        return system("You add."), user(await super().start(task))

    async def act(self, action: Action) -> Any:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(asyncio.sleep(0.001))
        return await super().act(action)


class WithProcess(Sum):
    """A process for each instance, killed with its group and waited for."""

    process: asyncio.subprocess.Process | None = None

    async def start(self, task: Task) -> Any:
        if self.process is None:
            self.process = await asyncio.create_subprocess_exec(
                "cat", stdin=-1, stdout=-1, start_new_session=True
            )
        return await super().start(task)

    @tool
    async def echo(self, text: str) -> str:
        """Say it back."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if not text.isprintable() or len(text) > 100:
            raise ToolError("one short line, please")
        self.process.stdin.write(f"{text}\n".encode())
        return (await self.process.stdout.readline()).decode()

    async def oracle(self) -> AsyncIterator[Action]:
        yield Action.call("echo", text="hello")
        yield Action.call("answer", total=self.task.hidden["sum"])

    async def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()
            self.process._transport.close()  # type: ignore[attr-defined]


class Choice(ToolEnv[Task]):
    """The right one is hidden, and stands among what is shown."""

    def tasks(self, split: str = "train") -> Sequence[Task]:
        def make(rng: random.Random) -> Task:
            options = rng.sample(("heron", "walnut", "lantern", "glacier", "saffron", "9"), 3)
            return Task({"options": options, "n": rng.random()}, {"answer": options[0]}, split)

        return TaskSource.generated(make, size=60, seed=split)

    async def start(self, task: Task) -> Any:
        return f"Which one: {', '.join(task.data['options'])}?"

    @tool
    async def choose(self, option: str) -> str:
        """Choose one."""
        self.end(float(option == self.task.hidden["answer"]))
        return "Noted."

    async def oracle(self) -> AsyncIterator[Action]:
        yield Action.call("choose", option=self.task.hidden["answer"])


class Forgetting(Sum):
    """Replaces the history at each turn."""

    async def act(self, action: Action) -> Any:
        return Observation(tuple(await super().act(action)), replace_from=1)


class WithFile(Sum):
    """A shared file, opened by the first and closed by the last."""

    def __init__(self) -> None:
        super().__init__()
        self.file: Shared[Any] = Shared("test/file", Path("/dev/null").open)

    async def stop(self) -> None:
        await self.file.close()


class OneTask(Sum):
    """A single task: there is nothing for a seed to draw."""

    def tasks(self, split: str = "train") -> Sequence[Task]:
        return [super().tasks(split)[0]]


class NoOracle(Sum):
    """No expert: everything but `oracle_scores_one` and what plays it is still checked."""

    def oracle(self) -> AsyncIterator[Action]:
        return super(Sum, self).oracle()


@pytest.mark.parametrize(
    "env", [GuessNumber, Sum, InThreads, Waiting, Choice, Forgetting, WithFile, OneTask]
)
async def test_it_passes_every_check(env: Any) -> None:
    report = await check(env, company=60)
    assert report.ok, str(report)


async def test_one_with_a_process_for_each_instance_passes_in_small_company() -> None:
    report = await check(WithProcess, episodes=2, company=4)
    assert report.ok, str(report)


async def test_one_without_an_oracle_is_told_so_and_nothing_else() -> None:
    report = await check(NoOracle, company=20)
    assert [f.check for f in report.failures] == ["oracle_scores_one"], str(report)
    assert "define oracle()" in report.failures[0].message


async def test_messages_are_not_mistaken_for_hidden_numbers() -> None:
    class Rules(Sum):
        async def start(self, task: Task) -> Any:
            rules = ", ".join(str(n) for n in range(100, 3000))
            return Message("user", f"{await super().start(task)} It is one of {rules}.")

    report = await check(Rules, company=4)
    assert report.ok, str(report)
