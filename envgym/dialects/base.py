"""How a model writes a tool call.

A dialect reads calls from what the model wrote, writes them (for demonstrations), and takes its own
markup out of text that comes from the world, so that a page that holds a call is never taken for
one. It never raises on model text: a call it cannot read becomes a `ToolCall` with an `error`.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from envgym.errors import UsageError, suggest
from envgym.messages import Action, ToolCall
from envgym.tools import ToolSpec

MAX_DEPTH = 100  # of lists and objects in arguments; people's and models' stay under ten
_TOO_DEEP = f"it is nested deeper than {MAX_DEPTH}"
_HALF = re.compile("[\ud800-\udfff]")


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
        """The text of an action: `parse` of it gives the calls back, where they fit the tools."""

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


def read_json(text: str) -> Any:
    """The value of JSON that a model wrote.

    Nesting has a bound of its own: the decoder's is what is left of the stack, so the same text
    would be read or not by who asks; and what it just lets through breaks the next to write it.

    Raises:
        ValueError: It is broken, or nested deeper than `MAX_DEPTH`.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise ValueError(_TOO_DEEP)
    return value


def write_json(value: Any, markup: Sequence[str] = ()) -> str:
    """JSON in which no string holds `markup` or half a character, which no tokenizer takes."""
    text = json.dumps(value, ensure_ascii=False)
    for mark in markup:  # begins with a sign that JSON has in strings alone
        text = text.replace(mark, f"\\u{ord(mark[0]):04x}{mark[1:]}")
    return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _deeper(value: Any, bound: int) -> bool:
    """Whether lists and objects are nested more than `bound` deep."""
    level = [value]
    for _ in range(bound):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(value, list | dict) for value in level)


def bare_call(name: str, body: str, call_id: str, tools: Sequence[ToolSpec]) -> ToolCall:
    """A call whose body is plain text for the tool's main parameter, or a JSON object.

    A tool of one parameter often takes text that is itself JSON: there, only an object with that
    very parameter is taken for the arguments.
    """
    spec = next((t for t in tools if t.name == name), None)
    if spec is None:
        return ToolCall(name, None, call_id, f"no tool {name!r}.")
    fields = spec.arguments.model_fields
    if body.lstrip().startswith("{"):
        try:
            arguments = read_json(body)
        except ValueError:
            arguments = None
        if isinstance(arguments, dict) and (len(fields) != 1 or set(arguments) == set(fields)):
            return ToolCall(name, arguments, call_id)
    if not fields:
        return ToolCall(name, {}, call_id)
    if spec.main_parameter is None:
        wanted = ", ".join(fields)
        return ToolCall(name, None, call_id, f"{name} needs a JSON object with: {wanted}.")
    return ToolCall(name, {spec.main_parameter: body}, call_id)


def bare_body(
    call: ToolCall, read: Callable[[str], Sequence[ToolCall]], markup: Sequence[str] = ()
) -> str:
    """The body of a call: its one argument as it is, where that is read back; or JSON.

    Args:
        read: The calls that the dialect finds where a body is put in its place.
        markup: What the body must not hold.
    """
    arguments = dict(call.arguments or {})
    values = list(arguments.values())
    if len(values) <= 1 and all(isinstance(v, str | int | float) for v in values):
        text = "".join(map(str, values))
        harmless = not _HALF.search(text) and not any(mark in text for mark in markup)
        wanted = {name: str(value) for name, value in arguments.items()}
        if harmless and [c.arguments for c in read(text)] == [wanted]:
            return text
    return write_json(arguments, markup)
