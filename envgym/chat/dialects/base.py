"""How a model writes a tool call.

A dialect reads calls from what the model wrote, writes them (for demonstrations), and takes its own
markup out of text that comes from the world, so that a page that holds a call is never taken for
one. It never raises on model text: a call it cannot read becomes a `ToolCall` with an `error`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from envgym.errors import UsageError, suggest
from envgym.messages import Action
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

    def result_id(self, call_id: str, tool: str) -> str:
        """The id that the result of a call to `tool` bears in the chat: by the family's rule."""
        return call_id

    @abstractmethod
    def instructions(self, tools: Sequence[ToolSpec]) -> str:
        """What the system message says about calling tools."""

    @abstractmethod
    def parse(self, text: str, tools: Sequence[ToolSpec]) -> Action:
        """The action in a model's own text. Never raises; linear in the text."""

    @abstractmethod
    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """The text of an action: `parse` of it gives the calls back, where they fit the tools."""

    @abstractmethod
    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Text from the world with this dialect's markup made harmless."""


AUTO = "auto"
DIALECTS: dict[str, Dialect] = {}


def register_dialect(cls: type[Dialect]) -> type[Dialect]:
    """Class decorator: make a dialect known by its name."""
    DIALECTS[cls.name] = cls()
    return cls


def dialect(name: str) -> Dialect:
    """The dialect of that name."""
    if name == AUTO:
        raise UsageError(
            f"dialect {AUTO!r} is chosen by a tokenizer's chat template, and here is none: name one"
            f" of {', '.join(sorted(DIALECTS))}"
        )
    if name not in DIALECTS:
        raise UsageError(f"no dialect {name!r}.{suggest(name, DIALECTS)}")
    return DIALECTS[name]
