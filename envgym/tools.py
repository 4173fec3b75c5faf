"""Tools: methods a model may call, with schemas from their signatures.

A tool call always gets exactly one result, in order: also when its name is unknown, its JSON is
broken, its arguments fail validation, it times out or it raises. Parallel-safe calls that stand
next to each other in one message run together; a serial one is a barrier.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, create_model

from envgym.deadlines import within
from envgym.errors import Fault, ToolError, UsageError, suggest
from envgym.messages import Message, ToolCall
from envgym.parsing.arguments import fit

F = TypeVar("F", bound=Callable[..., Any])
_CONFIG = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


@dataclass(frozen=True)
class ToolSpec:
    """Specification of a tool: schema, limits and how to run it.

    Attributes:
        name: The method's name.
        description: The docstring's first paragraph.
        timeout: Seconds a call may take; None takes the environment's tool deadline.
        parallel: The tool may run concurrently with its neighbours in the same message.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    is_async: bool
    timeout: float | None = None
    parallel: bool = False
    parameter_docs: dict[str, str] = field(default_factory=dict)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """JSON schema of the arguments."""
        schema = self.arguments.model_json_schema()
        schema.pop("title", None)
        for value in schema.get("properties", {}).values():
            value.pop("title", None)
        return schema

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The tool in OpenAI's function form, as chat templates take it."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }
        return {"type": "function", "function": function}

    @property
    def main_parameter(self) -> str | None:
        """The parameter that a bare text fills: the only required one, or else the first."""
        required = [n for n, f in self.arguments.model_fields.items() if f.is_required()]
        names = required or list(self.arguments.model_fields)
        return names[0] if names and len(required) <= 1 else None


@overload
def tool(function: F) -> F: ...
@overload
def tool(*, timeout: float | None = None, parallel: bool = False) -> Callable[[F], F]: ...
def tool(
    function: F | None = None, *, timeout: float | None = None, parallel: bool = False
) -> F | Callable[[F], F]:
    """Mark a method as a tool: ``@tool`` or ``@tool(timeout=5, parallel=True)``.

    Type hints and the docstring (first paragraph, and an ``Args:`` section) become its schema. A
    plain (not async) method runs in a thread of its own, never on the loop; nothing can stop it
    there, so what may hang belongs in an async one (see `ToolEnv`).
    """

    def mark(f: F) -> F:
        f._tool = {"timeout": timeout, "parallel": parallel}  # type: ignore[attr-defined]
        return f

    return mark if function is None else mark(function)


def tools_of(cls: type) -> dict[str, ToolSpec]:
    """Collect the tools of a class by name, in definition order (bases first)."""
    found: dict[str, ToolSpec] = {}
    for base in reversed(cls.__mro__):
        for name, attribute in vars(base).items():
            if hasattr(attribute, "_tool"):
                found[name] = _spec(attribute)
            elif name in found:
                del found[name]  # overridden by something that is no tool
    return found


def _spec(method: Callable[..., Any]) -> ToolSpec:
    text = inspect.getdoc(method) or ""
    if not text:
        raise UsageError(f"tool {method.__name__} needs a docstring: the model reads it")
    docs = _parameter_docs(text)
    hints = get_type_hints(method, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(method).parameters.items())[1:]:
        if name not in hints:
            raise UsageError(f"tool {method.__name__}: give parameter {name!r} a type hint")
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[name] = (hints[name], Field(default, description=docs.get(name)))
    return ToolSpec(
        name=method.__name__,
        description=re.split(r"\n\s*\n|\nArgs:", text)[0].replace("\n", " ").strip(),
        arguments=create_model(method.__name__, __config__=_CONFIG, **fields),
        is_async=inspect.iscoroutinefunction(method),
        parameter_docs=docs,
        **method._tool,  # type: ignore[attr-defined]
    )


def _parameter_docs(text: str) -> dict[str, str]:
    """The ``name: text`` lines of a Google-style ``Args:`` section."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?)+)", text, re.M)
    if not section:
        return {}
    pairs = re.findall(r"^\s+(\w+)(?: \(.*?\))?: (.*(?:\n\s{8,}.*)*)", section[1], re.M)
    return {name: " ".join(doc.split()) for name, doc in pairs}


@dataclass(frozen=True)
class ToolResult:
    """Result of one call: the text for the model and an error flag."""

    text: str
    error: bool = False


async def run_calls(
    calls: Sequence[ToolCall],
    specs: dict[str, ToolSpec],
    run: Callable[[ToolSpec, dict[str, Any]], Awaitable[Any]],
    ended: Callable[[], bool],
    deadline: float | None,
) -> list[ToolResult]:
    """Run tool calls in order; return one result per call.

    Args:
        run: Runs a validated call.
        ended: Tests that the episode is over; later calls are answered, not run.
        deadline: Seconds for a tool without a timeout of its own.

    Raises:
        Fault: A tool met an infrastructure fault; no call's result is made up for it.
    """
    results: list[ToolResult] = []
    start = 0
    while start < len(calls):
        stop = start + 1
        if _is_parallel(calls[start], specs):
            while stop < len(calls) and _is_parallel(calls[stop], specs):
                stop += 1
        stage = [_run_one(call, specs, run, ended, deadline) for call in calls[start:stop]]
        if len(stage) == 1:
            results.append(await stage[0])
        else:
            results.extend(await _together(stage))
        start = stop
    return results


async def _together(stage: list[Coroutine[Any, Any, ToolResult]]) -> list[ToolResult]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in stage]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return [task.result() for task in tasks]


def _is_parallel(call: ToolCall, specs: dict[str, ToolSpec]) -> bool:
    return call.name in specs and specs[call.name].parallel


async def _run_one(
    call: ToolCall,
    specs: dict[str, ToolSpec],
    run: Callable[[ToolSpec, dict[str, Any]], Awaitable[Any]],
    ended: Callable[[], bool],
    deadline: float | None,
) -> ToolResult:
    if call.error is not None:
        return ToolResult(f"Error: {call.error}", error=True)
    if ended():
        return ToolResult("Not run: the episode has ended.", error=True)
    spec = specs.get(call.name)
    if spec is None:
        return ToolResult(f"Error: no tool {call.name!r}.{suggest(call.name, specs)}", error=True)
    try:
        arguments = fit(call.arguments or {}, spec.arguments)
    except ValueError as error:
        return ToolResult(f"Error: {call.name}: {error}", error=True)
    seconds = spec.timeout if spec.timeout is not None else deadline
    try:
        result = await within(seconds, _awaited(run(spec, arguments)))
    except Fault:
        raise
    except TimeoutError:
        limit = "" if seconds is None else f" (its limit is {seconds:g} s)"
        return ToolResult(f"Error: {call.name} timed out{limit}.", error=True)
    except ToolError as error:
        return ToolResult(f"Error: {error}", error=True)
    except Exception as error:
        return ToolResult(f"Error: {call.name} failed: {type(error).__name__}: {error}", error=True)
    return ToolResult("" if result is None else str(result))


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


def tool_message(call: ToolCall, result: ToolResult) -> Message:
    """Make the tool message that carries the result of `call`.

    JSON lets a model write half a character (``"\\ud800"``), which no tokenizer takes: where a tool
    repeats it, or it stands in the call's name, it is shown as ``?``.
    """
    text, name = (s.encode(errors="replace").decode() for s in (result.text, call.name))
    return Message("tool", text, "tool", tool_call_id=call.id, name=name)
