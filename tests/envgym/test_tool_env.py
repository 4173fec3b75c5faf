from __future__ import annotations

import asyncio
import threading
import time

import pytest

from envgym.errors import UsageError
from envgym.messages import Action, ToolCall
from envgym.stop import StopReason
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool

from .worlds import Guess, right


class Lab(ToolEnv[Task]):
    """A tool that blocks, one that waits."""

    def tasks(self, split: str = "train") -> TaskSource:
        return TaskSource(1, lambda i: Task({}, split=split))

    async def start(self, task: Task) -> str:
        return "go"

    @tool
    def block(self, seconds: float) -> str:
        """Block the thread."""
        time.sleep(seconds)
        return threading.current_thread().name

    @tool(parallel=True)
    async def wait(self, seconds: float) -> str:
        """Wait."""
        await asyncio.sleep(seconds)
        return "waited"


async def test_each_call_gets_its_result_with_its_id() -> None:
    async with Guess() as env:
        await env.reset(seed=0)
        low = env.task.data["low"]
        step = await env.step(
            Action(
                "Let me try.",
                (
                    ToolCall("guess", {"number": low - 1}, "a"),
                    ToolCall("gess", {"number": 1}, "b"),
                    ToolCall("guess", None, "c", "its JSON is broken."),
                    ToolCall("guess", {"number": env.task.hidden["answer"]}, "d"),
                    ToolCall("guess", {"number": low}, "e"),
                ),
            )
        )
    assert [(m.role, m.kind, m.tool_call_id) for m in step.observation.messages] == [
        ("tool", "tool", i) for i in "abcde"
    ]
    texts = [m.content for m in step.observation.messages]
    assert texts[0] == "Higher."
    assert texts[3] == "Right."
    assert "has ended" in texts[4]
    assert step.terminated
    assert step.reward == 1.0 - 0.125
    assert step.info["metrics"] == {"tool_calls": 5.0, "tool_errors": 3.0}


async def test_silence_is_reminded_of() -> None:
    env = Guess()
    await env.reset(seed=0)
    step = await env.step(Action("I think."))
    assert step.observation.text == "No tool was called. Call one of: guess."
    assert step.observation.messages[0].role == "user"
    assert not step.done
    assert step.info["metrics"] == {"no_tool_call": 1.0}


async def test_silence_may_be_the_end() -> None:
    class Final(Guess):
        no_tool_call = "end"

    env = Final()
    await env.reset(seed=0)
    step = await env.step(Action("It is 7."))
    assert (step.terminated, step.info["stop_reason"]) == (True, StopReason.NO_TOOL_CALL)
    assert (step.info["score"], step.observation.messages) == (0.0, ())


async def test_a_plain_tool_runs_in_a_thread() -> None:
    env = Lab()
    await env.reset(seed=0)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.005)

    ticker = asyncio.create_task(tick())
    step = await env.step(Action.call("block", seconds=0.1))
    ticker.cancel()
    assert step.observation.text != threading.main_thread().name
    assert ticks > 3


async def test_cancelled_amid_tools_then_reset() -> None:
    env = Lab()
    await env.reset(seed=0)
    before = asyncio.all_tasks()
    calls = tuple(ToolCall("wait", {"seconds": 60}, str(i)) for i in range(3))
    step = asyncio.create_task(env.step(Action("", calls)))
    await asyncio.sleep(0.01)
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    assert asyncio.all_tasks() == before
    with pytest.raises(UsageError):
        await env.step(Action())
    await env.reset(seed=0)
    assert (await env.step(Action.call("wait", seconds=0))).observation.text == "waited"


async def test_a_thousand_at_once() -> None:
    async def play(seed: int) -> float:
        async with Guess() as env:
            await env.reset(seed=seed)
            return (await env.step(right(env))).info["score"]

    began = time.monotonic()
    scores = await asyncio.gather(*(play(seed) for seed in range(1000)))
    assert scores == [1.0] * 1000
    assert time.monotonic() - began < 10
