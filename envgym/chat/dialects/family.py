"""Dialects of model families: each writes its own format and parses that of every family.

A family's marks mean a call in no other way, so a model that writes another family's form (as
models do that were trained on several) is understood; `dialect` decides what is taught and shown.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from envgym.chat.dialects.base import Dialect
from envgym.chat.dialects.calls import write_json
from envgym.chat.dialects.reading import Found, Reader, Source, numbered, read_calls
from envgym.messages import Action, ToolCall
from envgym.parsing.reasoning import left_open
from envgym.tools import ToolSpec

_HALF = re.compile("[\ud800-\udfff]")
START = r"(?:^|\A |(?<=</think>) ?)"
"""Allowed starts of a bare call: a line; and after one space at most, a message or an answer."""
OPEN, CLOSE = "<tool_call>", "</tool_call>"


class Form(NamedTuple):
    """A call format that model families share.

    Attributes:
        opener: Regular expression of the opening mark of a call.
        read: Parses the call at an opener.
        marks: A regular expression of the marks that text from the world must not hold.
        lines: Likewise of lines that are a call by their shape.
    """

    opener: str
    read: Reader
    marks: str = ""
    lines: str = ""


FORMS: list[Form] = []


class Family(Dialect):
    """Dialect of a model family.

    Attributes:
        before_calls: Separator between a message's words and its calls.
        example: A call as the instructions show it, of a function ``NAME``.
    """

    schema_in_template = True
    before_calls = "\n"
    example: str

    def instructions(self, tools: Sequence[ToolSpec]) -> str:
        """Tool schemas and call format, for chat templates that do not show tools."""
        schemas = "\n".join(json.dumps(t.schema, ensure_ascii=False) for t in tools)
        return (
            f"# Tools\n\nYou may call these functions:\n<tools>\n{schemas}\n</tools>\n\n"
            f"{self.example}"
        )

    def parse(self, text: str, tools: Sequence[ToolSpec]) -> Action:
        """Parse the calls outside reasoning blocks, in any family's format."""
        opener, read = _every_form(len(FORMS))
        calls = read_calls(text, tools, opener, read)
        return Action(text, numbered(calls, self.result_id))

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """Write the text, its reasoning block closed, followed by the calls.

        Marks in the text are broken where it would be read otherwise with them. A call that the
        family's form cannot hold (its marks in a text that it does not escape) is written as JSON
        between ``<tool_call>`` tags.
        """
        if not action.tool_calls:
            return action.text
        calls = self.write_calls(action.tool_calls)
        text = ""
        for text in (action.text, self.neutralise(action.text, tools)):
            text += left_open(text) or ""
            written = text + self.before_calls * bool(text) + calls
            if not _HALF.search(calls) and self._reads(written, action, tools):
                return written
        return text + "\n" * bool(text) + json_calls(action)

    @abstractmethod
    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write the calls in the format of the family's chat template."""

    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Break each mark with a space in it, a bare call with two before it."""
        marks, lines = _every_mark(len(FORMS))
        return lines.sub(r"\g<0>  ", marks.sub(lambda m: f"{m[0][0]} {m[0][1:]}", text))

    def _reads(self, written: str, action: Action, tools: Sequence[ToolSpec]) -> bool:
        read = self.parse(written, tools).tool_calls
        wanted = [(c.name, dict(c.arguments or {})) for c in action.tool_calls]
        return [(c.name, c.arguments) for c in read] == wanted


def json_calls(action: Action) -> str:
    """Write calls as JSON between tags; a tag inside a string is escaped."""
    bodies = (
        write_json({"name": c.name, "arguments": dict(c.arguments or {})}, (OPEN, CLOSE))
        for c in action.tool_calls
    )
    return "\n".join(f"{OPEN}\n{body}\n{CLOSE}" for body in bodies)


@cache
def _every_form(count: int) -> tuple[str, Reader]:
    forms = tuple(FORMS[:count])

    def read(source: Source, beginning: re.Match[str]) -> Found | None:
        index = next(i for i in range(count) if beginning[f"form{i}"] is not None)
        return forms[index].read(source, beginning)

    return "|".join(f"(?P<form{i}>{form.opener})" for i, form in enumerate(forms)), read


@cache
def _every_mark(count: int) -> tuple[re.Pattern[str], re.Pattern[str]]:
    marks = "|".join(form.marks for form in FORMS[:count] if form.marks)
    lines = "|".join(f"(?={form.lines})" for form in FORMS[:count] if form.lines)
    return re.compile(marks or "(?!)"), re.compile(f"{START}(?:{lines or '(?!)'})", re.M)
