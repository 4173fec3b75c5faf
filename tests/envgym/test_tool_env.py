from __future__ import annotations

import asyncio
import threading
import time

import pytest

from envgym.chat.dialects import dialect
from envgym.deadlines import Deadlines
from envgym.errors import Fault, UsageError
from envgym.messages import Action, ToolCall
from envgym.stop_reason import StopReason
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from tests.envgym.worlds import Guess, right


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>Now <tool_call>{}</tool_call>", "closed: write </think> before a call."),
        ("<think>I will guess 5.</think>", "A call inside a reasoning block is not run."),
        ("<think>Hm.</think>Well.", "Call one of: guess."),
    ],
)
async def test_a_call_in_a_thought_is_told_of(text: str, said: str) -> None:
    async with Guess() as env:
        await env.reset(seed=0)
        step = await env.step(dialect("hermes").parse(text, env.tools))
    assert step.observation.text.startswith("No tool was called.")
    assert step.observation.text.endswith(said)


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
    step = await env.step(Action.call("block", seconds=1.0))
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


class Late(ToolEnv[Task]):
    """A plain tool that hangs until it is let go, and then ends the episode."""

    deadlines = Deadlines(reset=0.05, step=60.0, tool=0.05, close=0.05)

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def release(self) -> None:
        """Let it go, and give its thread the time that a busy machine takes."""
        self.let_go.set()
        self.deadlines = Deadlines()

    def tasks(self, split: str = "train") -> TaskSource:
        return TaskSource(1, lambda i: Task({}, split=split))

    async def start(self, task: Task) -> str:
        return "go"

    @tool
    def hang(self) -> None:
        """Hang, then win."""
        self.let_go.wait(10)
        self.end(1.0)

    @tool
    async def look(self) -> bool:
        """Whether the episode has ended."""
        return self.ended


async def test_what_a_plain_tool_does_late_stays_in_its_episode() -> None:
    env = Late()
    await env.reset(seed=0)
    step = asyncio.create_task(env.step(Action.call("hang")))
    await asyncio.sleep(0.01)
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    with pytest.raises(Fault, match="tools_left_running passed its deadline"):
        await env.reset(seed=0)  # its thread still runs: no new episode in this instance
    env.release()
    await env.reset(seed=0)
    looked = await env.step(Action.call("look"))
    assert (looked.observation.text, looked.done) == ("False", False)
    await env.close()


async def test_after_a_timeout_the_next_call_waits_for_the_thread() -> None:
    env = Late()
    await env.reset(seed=0)
    assert "timed out" in (await env.step(Action.call("hang"))).observation.text
    assert "timed out" in (await env.step(Action.call("look"))).observation.text
    env.release()
    step = await env.step(Action.call("look"))
    assert (step.observation.text, step.terminated, step.info["score"]) == ("True", True, 1.0)
    await env.close()


async def test_closing_releases_and_says_that_a_thread_runs_on() -> None:
    env = Late()
    await env.reset(seed=0)
    await env.step(Action.call("hang"))
    with pytest.raises(Fault, match="tools_left_running"):
        await env.close()
    await env.close()
    with pytest.raises(UsageError, match="closed"):
        await env.reset(seed=0)
    env.let_go.set()


async def test_hung_plain_tools_hold_up_nobody_else() -> None:
    hung = [Late() for _ in range(64)]  # more than any pool of threads has here
    for env in hung:
        await env.reset(seed=0)
    steps = [asyncio.create_task(env.step(Action.call("hang"))) for env in hung]
    await asyncio.sleep(0)
    lab = Lab()
    await lab.reset(seed=0)
    assert (await lab.step(Action.call("block", seconds=0))).observation.text.startswith("tool")
    assert not any(env.let_go.is_set() for env in hung)
    for env in hung:
        env.let_go.set()
    await asyncio.gather(*steps)


async def test_a_thousand_at_once() -> None:
    async def play(seed: int) -> float:
        async with Guess() as env:
            await env.reset(seed=seed)
            return (await env.step(right(env))).info["score"]

    began = time.monotonic()
    scores = await asyncio.gather(*(play(seed) for seed in range(1000)))
    assert scores == [1.0] * 1000
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("name", ["hermes", "code"])
async def test_ten_thousand_calls_of_a_message_get_ten_thousand_results(name: str) -> None:
    class Echo(Lab):
        running = most = 0

        @tool(parallel=True)
        async def echo(self, text: str) -> str:
            """Say it again, a little later."""
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(0)
            self.running -= 1
            return text

        @tool
        async def alone(self, text: str) -> str:
            """Say it where nothing else runs."""
            assert self.running == 0
            return text

    names = ["echo"] * 100 + ["alone", "echo"] * 50
    calls = tuple(
        ToolCall(names[i % 200], {"text": f"{i}\n</tool_call>\ud800"}) for i in range(10_000)
    )
    form = dialect(name)
    env = Echo()
    await env.reset(seed=0)
    step = await env.step(form.parse(form.write(Action("", calls), env.tools), env.tools))
    messages = step.observation.messages
    assert [m.tool_call_id for m in messages] == [str(i) for i in range(10_000)]
    assert [m.content for m in messages] == [f"{i}\n</tool_call>?" for i in range(10_000)]
    assert step.info["metrics"] == {"tool_calls": 10_000.0, "tool_errors": 0.0}
    assert env.most >= 100


async def test_ten_thousand_broken_calls_get_ten_thousand_answers() -> None:
    text = '<tool_call>{"name": "wai\ud800"}</tool_call><tool_call>{"name": ' * 5_000
    env = Lab()
    await env.reset(seed=0)
    step = await env.step(dialect("hermes").parse(text, env.tools))
    assert [m.tool_call_id for m in step.observation.messages] == [str(i) for i in range(10_000)]
    assert step.info["metrics"]["tool_errors"] == 10_000
    for message in step.observation.messages:
        (message.content + (message.name or "")).encode()  # tokenizers take no half characters
