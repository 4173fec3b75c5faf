"""Schemas from signatures; one result a call, in order, whatever happens; stages and timeouts."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from envgym.errors import Fault, ToolError, UsageError
from envgym.messages import ToolCall
from envgym.tools import ToolResult, run_calls, tool, tool_message, tools_of


class Box:
    """Tools of every sort; `log` is the order in which they ran."""

    def __init__(self) -> None:
        self.log: list[str] = []

    @tool(parallel=True)
    async def look(self, name: str, wait: float = 0.0) -> str:
        """Look at
        something.

        More that the model does not see.

        Args:
            name: What to look at,
                in full.
            wait (float): Seconds.
        """
        self.log.append(f"+{name}")
        await asyncio.sleep(wait)
        self.log.append(f"-{name}")
        return name

    @tool
    async def write(self, text: str) -> None:
        """Write it down."""
        self.log.append(f"+{text}")
        await asyncio.sleep(0.01)
        self.log.append(f"-{text}")

    @tool(timeout=0.02)
    async def hang(self) -> str:
        """Never come back."""
        await asyncio.sleep(60)
        return "back"

    @tool
    async def fail(self, how: Literal["tool", "bug", "infra", "timeout"]) -> int:
        """Go wrong."""
        match how:
            case "tool":
                raise ToolError("no such page.")
            case "infra":
                raise Fault("index gone")
            case "timeout":
                raise TimeoutError
        raise KeyError("x")

    @tool
    def count(self, items: list[int], limit: Annotated[int, Field(ge=1)] = 3) -> int:
        """Count."""
        return min(len(items), limit)

    async def run(self, *calls: ToolCall, deadline: float | None = 5.0) -> list[ToolResult]:
        specs = tools_of(type(self))

        async def one(spec: Any, arguments: dict[str, Any]) -> Any:
            result = getattr(self, spec.name)(**arguments)
            return await result if spec.is_async else result

        return await run_calls(calls, specs, one, lambda: "end" in self.log, deadline)


def call(name: str, /, **arguments: Any) -> ToolCall:
    return ToolCall(name, arguments)


def test_schema_comes_from_signature_and_docstring() -> None:
    look = tools_of(Box)["look"]
    assert look.description == "Look at something."
    assert look.schema == {
        "type": "function",
        "function": {
            "name": "look",
            "description": "Look at something.",
            "parameters": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "description": "What to look at, in full."},
                    "wait": {
                        "type": "number",
                        "default": 0.0,
                        "description": "Seconds.",
                    },
                },
                "required": ["name"],
            },
        },
    }
    assert (look.main_parameter, look.parallel, look.is_async) == ("name", True, True)
    assert tools_of(Box)["hang"].main_parameter is None
    assert not tools_of(Box)["count"].is_async


def test_tools_are_inherited_overridden_and_removed() -> None:
    class Base:
        @tool
        async def a(self) -> str:
            """A."""
            return ""

        @tool
        async def b(self) -> str:
            """B."""
            return ""

    class Derived(Base):
        b = None  # type: ignore[assignment]

        @tool
        async def a(self, x: int) -> str:  # type: ignore[override]
            """Another."""
            return ""

    assert list(tools_of(Derived)) == ["a"]
    assert tools_of(Derived)["a"].description == "Another."


def test_authors_are_told_what_a_tool_lacks() -> None:
    class Silent:
        @tool
        async def f(self) -> None: ...

    class Untyped:
        @tool
        async def f(self, x) -> None:  # type: ignore[no-untyped-def]
            """F."""

    with pytest.raises(UsageError, match="docstring"):
        tools_of(Silent)
    with pytest.raises(UsageError, match="type hint"):
        tools_of(Untyped)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (call("loook", name="x"), "Did you mean 'look'?"),
        (ToolCall("look", None, error="its JSON is broken."), "its JSON is broken."),
        (call("look"), "look: name: Field required"),
        (call("look", name="x", zzz=1), "look: zzz: Extra inputs"),
        (call("look", name={"a": 1}), "valid string"),
        (call("count", items=[1, "b"]), r"items.1"),
        (call("count", items=[1], limit=0), "greater than or equal to 1"),
        (call("fail", how="tool"), "Error: no such page."),
        (call("fail", how="bug"), "fail failed: KeyError"),
        (call("fail", how="timeout"), "fail timed out"),
        (call("hang"), "hang timed out (its limit is 0.02 s)"),
    ],
)
async def test_every_failure_is_one_result(bad: ToolCall, said: str) -> None:
    good = call("count", items=[1, 2])
    for deadline in (5.0, None):
        results = await Box().run(good, bad, good, deadline=deadline)
        assert [r.error for r in results] == [False, True, False]
        assert said in results[1].text
        assert results[0].text == "2"


async def test_a_result_of_none_is_empty() -> None:
    assert await Box().run(call("write", text="x")) == [ToolResult("")]


async def test_results_carry_the_id_of_their_call() -> None:
    message = tool_message(ToolCall("look", {}, "call_7"), ToolResult("x"))
    assert (message.role, message.tool_call_id, message.name) == ("tool", "call_7", "look")


async def test_half_a_character_in_a_result_can_be_encoded() -> None:
    [result] = await Box().run(call("look", name="a\ud800ß"))
    assert tool_message(call("look"), result).content == "a?ß"


async def test_parallel_calls_run_together_and_a_serial_one_is_a_barrier() -> None:
    box = Box()
    results = await box.run(
        call("look", name="a", wait=0.03),
        call("look", name="b", wait=0.01),
        call("write", text="W"),
        call("look", name="c"),
    )
    assert [r.text for r in results] == ["a", "b", "", "c"]  # in order of the calls
    assert box.log == ["+a", "+b", "-b", "-a", "+W", "-W", "+c", "-c"]


async def test_a_hundred_parallel_calls_take_the_time_of_one() -> None:
    began = time.monotonic()
    results = await Box().run(*(call("look", name=str(i), wait=0.05) for i in range(100)))
    assert [r.text for r in results] == [str(i) for i in range(100)]
    assert time.monotonic() - began < 2.5


async def test_calls_after_the_end_are_answered_not_run() -> None:
    box = Box()
    box.log.append("end")
    results = await box.run(call("write", text="x"), call("look", name="y"))
    assert all(r.error and "has ended" in r.text for r in results)
    assert box.log == ["end"]


async def test_the_environments_deadline_holds_for_tools_without_one() -> None:
    results = await Box().run(call("look", name="x", wait=60), deadline=0.02)
    assert "look timed out" in results[0].text


async def test_a_fault_is_no_result() -> None:
    box = Box()
    with pytest.raises(Fault, match="index gone"):
        await box.run(call("fail", how="infra"))


async def test_a_fault_in_a_stage_cancels_its_neighbours() -> None:
    class Flaky(Box):
        @tool(parallel=True)
        async def drop(self) -> str:
            """Lose the connection."""
            await asyncio.sleep(0)
            raise Fault("connection lost")

    box = Flaky()
    with pytest.raises(Fault, match="connection lost"):
        await box.run(call("look", name="a", wait=60), call("drop"))
    assert box.log == ["+a"]
