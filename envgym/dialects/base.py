"""How a model writes a tool call.

A dialect reads calls from what the model wrote, writes them (for demonstrations), and takes its own
markup out of text that comes from the world, so that a page that holds a call is never taken for
one. It never raises on model text: a call it cannot read becomes a `ToolCall` with an `error`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from envgym.errors import UsageError, suggest
from envgym.messages import Action, ToolCall
from envgym.tools import ToolSpec


class Dialect(ABC):
    """One way of writing tool calls.

    Attributes:
        name: What configurations call it.
        schema_in_template: Whether the chat template is asked to show the tools' schemas.
    """

    name: ClassVar[str]
    schema_in_template: ClassVar[bool] = False

    def stop(self, tools: Sequence[ToolSpec]) -> tuple[str, ...]:
        """Strings after which a generation is cut: the ends of a call."""
        return ()

    @abstractmethod
    def instructions(self, tools: Sequence[ToolSpec]) -> str:
        """What the system message says about calling tools."""

    @abstractmethod
    def parse(self, text: str, tools: Sequence[ToolSpec]) -> Action:
        """The action in a model's own text. Never raises; linear in the text."""

    @abstractmethod
    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """The text of an action: `parse` of it gives the calls back."""

    @abstractmethod
    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Text from the world with this dialect's markup made harmless."""


DIALECTS: dict[str, Dialect] = {}


def register_dialect(cls: type[Dialect]) -> type[Dialect]:
    """Class decorator: make a dialect known by its name."""
    DIALECTS[cls.name] = cls()
    return cls


def dialect(name: str) -> Dialect:
    """The dialect of that name."""
    if name not in DIALECTS:
        raise UsageError(f"no dialect {name!r}.{suggest(name, DIALECTS)}")
    return DIALECTS[name]


def bare_call(name: str, body: str, call_id: str, tools: Sequence[ToolSpec]) -> ToolCall:
    """A call whose body is plain text for the tool's main parameter, or a JSON object."""
    spec = next((t for t in tools if t.name == name), None)
    body = body.strip()
    if spec is None:
        return ToolCall(name, None, call_id, f"no tool {name!r}.")
    fields = spec.arguments.model_fields
    if body.startswith("{") and len(fields) != 1:
        try:
            arguments = json.loads(body)
        except (ValueError, RecursionError):
            arguments = None
        if isinstance(arguments, dict):
            return ToolCall(name, arguments, call_id)
    if not fields:
        return ToolCall(name, {}, call_id)
    if spec.main_parameter is None:
        wanted = ", ".join(fields)
        return ToolCall(name, None, call_id, f"{name} needs a JSON object with: {wanted}.")
    return ToolCall(name, {spec.main_parameter: body}, call_id)


def bare_body(call: ToolCall, tools: Sequence[ToolSpec]) -> str:
    """What `bare_call` reads back: the main argument as text, or all of them as JSON."""
    spec = next((t for t in tools if t.name == call.name), None)
    arguments = dict(call.arguments or {})
    if spec is not None and set(arguments) <= {spec.main_parameter}:
        text = "".join(str(v) for v in arguments.values())
        if not text.lstrip().startswith("{") or len(spec.arguments.model_fields) == 1:
            return text  # otherwise it would be read back as the arguments themselves
    return json.dumps(arguments, ensure_ascii=False)
