"""Messages, tool calls, actions and observations: the data that environments and agents exchange.

Authors of environments see only these; token ids live in `envgym.chat` and `envgym.trajectory`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from envgym.parsing.reasoning import content

Role = Literal["system", "user", "assistant", "tool"]
Kind = Literal["system", "user", "tool", "hint", "critic", "action", "shown", "prefix"]
"""Origin of a span of context. Guidance is a span of kind ``hint``: masked, and dropped
from the target context, by construction. ``shown`` is guidance that stays in the target context,
``prefix`` the part of an action that the policy was given and did not sample."""

DEFAULT_SEAT = "agent"
"""The seat of environments that one agent plays alone."""

_KIND_OF_ROLE: dict[str, Kind] = {
    "system": "system",
    "user": "user",
    "tool": "tool",
    "assistant": "action",
}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call parsed from an assistant message.

    Attributes:
        name: The tool's name; may be unknown to the environment.
        arguments: Parsed arguments, or None where they could not be parsed.
        id: Unique within its message; the result carries it.
        error: Why the call could not be read. Such a call still gets exactly one result.
    """

    name: str
    arguments: Mapping[str, Any] | None
    id: str = "0"
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A chat message. `kind` defaults to the one that its role implies."""

    role: Role
    content: str
    kind: Kind = None  # type: ignore[assignment]  # derived from the role below
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if self.kind is None:
            object.__setattr__(self, "kind", _KIND_OF_ROLE[self.role])


def system(text: str) -> Message:
    """Make a system message: the agent's role and the rules."""
    return Message("system", text)


def user(text: str) -> Message:
    """Make a user message: the task, or the environment's answer."""
    return Message("user", text)


def hint(text: str) -> Message:
    """Make a hint: shown as a user message and left out of the target context."""
    return Message("user", text, "hint")


@dataclass(frozen=True, slots=True)
class Action:
    """An assistant message: its text and the tool calls read from it.

    Attributes:
        text: The model's text, calls included where the dialect writes them as text.
        tool_calls: The calls, in order. Empty when it called nothing.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()

    @classmethod
    def call(cls, name: str, /, **arguments: Any) -> Action:
        """An action of one tool call, written by no model (oracles, scripts, tests)."""
        return cls("", (ToolCall(name, arguments),))

    @property
    def content(self) -> str:
        """The text without its reasoning blocks: the part in which answers and calls are read."""
        return content(self.text)

    @property
    def message(self) -> Message:
        """The action as the chat message that enters the history."""
        return Message("assistant", self.text, "action", self.tool_calls)


@dataclass(frozen=True, slots=True, init=False)
class Observation:
    """New messages since the last action; immutable.

    Args:
        content: The new messages, oldest first, or the text of a single user message.
        replace_from: Index of the first message of the history to drop, or None; applied before
            the messages are added (a page summarised, a context compacted): a new row starts.
    """

    messages: tuple[Message, ...]
    replace_from: int | None

    def __init__(
        self, content: str | tuple[Message, ...] = (), replace_from: int | None = None
    ) -> None:
        messages = (user(content),) if isinstance(content, str) else content
        object.__setattr__(self, "messages", messages)
        object.__setattr__(self, "replace_from", replace_from)

    @property
    def text(self) -> str:
        """The contents joined by newlines, for people and for text-only agents."""
        return "\n".join(m.content for m in self.messages)


def observe(content: str | Message | Sequence[Message] | Observation) -> Observation:
    """Convert a return value of an author's hook to an observation; a str is a user message."""
    if isinstance(content, str):
        return Observation(content)
    if isinstance(content, Observation):
        return content
    if isinstance(content, Message):
        return Observation((content,))
    return Observation(tuple(content))
