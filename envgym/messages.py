"""What environments and agents say to each other: messages, tool calls, actions, observations.

Authors of environments see only these; token ids live in `envgym.chat` and `envgym.trajectory`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from envgym.parsing.reasoning import content

Role = Literal["system", "user", "assistant", "tool"]
Kind = Literal["system", "user", "tool", "hint", "critic", "action"]
"""Where a stretch of context comes from. Guidance is a span of kind ``hint``: masked, and dropped
from the target context, by construction."""

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
    """One call found in an assistant message.

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
    """One chat message. `kind` defaults to the one its role suggests."""

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
    """A system message: who the agent is and what the rules are."""
    return Message("system", text)


def user(text: str) -> Message:
    """A user message: the task, or what the world says back."""
    return Message("user", text)


def hint(text: str) -> Message:
    """Guidance, shown as a user message and left out of the target context."""
    return Message("user", text, "hint")


@dataclass(frozen=True, slots=True)
class Action:
    """An assistant message: its text and the tool calls read from it.

    Attributes:
        text: What the model wrote, calls included where the dialect writes them as text.
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
        """The text without its reasoning blocks: what the model says, and what is read in it."""
        return content(self.text)

    @property
    def message(self) -> Message:
        """The action as the chat message that enters the history."""
        return Message("assistant", self.text, "action", self.tool_calls)


@dataclass(frozen=True, slots=True, init=False)
class Observation:
    """What is new since the last action.

    Args:
        content: The new messages, oldest first, or the text of a single user message.
        replace_from: Where not None, the history from that message index on is dropped before
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
    """Anything an author may return as an observation, made into one; a str is a user message."""
    if isinstance(content, str):
        return Observation(content)
    if isinstance(content, Observation):
        return content
    if isinstance(content, Message):
        return Observation((content,))
    return Observation(tuple(content))
