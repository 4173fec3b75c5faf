"""Dialect interface: read, write and neutralise a model's tool-call format.

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
    """A tool-call format.

    Attributes:
        name: Name in configurations.
        schema_in_template: Have the chat template show the tools' schemas.
    """

    name: ClassVar[str]
    schema_in_template: ClassVar[bool] = False

    def stop(self, tools: Sequence[ToolSpec]) -> tuple[str, ...]:
        """Stop strings that end a generation: the closing marks of a call."""
        return ()

    def result_id(self, call_id: str, tool: str) -> str:
        """Id of the result message of a call to `tool`, by the rule of the model family."""
        return call_id

    @abstractmethod
    def instructions(self, tools: Sequence[ToolSpec]) -> str:
        """Text of the system message that explains how to call tools."""

    @abstractmethod
    def parse(self, text: str, tools: Sequence[ToolSpec]) -> Action:
        """Parse the action in a model's text. Never raises; linear in the text's length."""

    @abstractmethod
    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """Write an action as text; `parse` of it returns the calls, where they fit the tools."""

    @abstractmethod
    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Break this dialect's markup in text that comes from outside the model."""


AUTO = "auto"
DIALECTS: dict[str, Dialect] = {}


def register_dialect(cls: type[Dialect]) -> type[Dialect]:
    """Class decorator: register a dialect under its name."""
    DIALECTS[cls.name] = cls()
    return cls


def dialect(name: str) -> Dialect:
    """Look up a dialect by name."""
    if name == AUTO:
        raise UsageError(
            f"dialect {AUTO!r} is chosen by a tokenizer's chat template, and here is none: name one"
            f" of {', '.join(sorted(DIALECTS))}"
        )
    if name not in DIALECTS:
        raise UsageError(f"no dialect {name!r}.{suggest(name, DIALECTS)}")
    return DIALECTS[name]
