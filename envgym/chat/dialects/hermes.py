"""``<tool_call>{"name": …, "arguments": {…}}</tool_call>``: Hermes, Qwen2.5 and Qwen3."""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.chat.dialects.base import register_dialect
from envgym.chat.dialects.calls import call_of, unreadable
from envgym.chat.dialects.families.glm import read_pairs
from envgym.chat.dialects.family import CLOSE, FORMS, OPEN, Family, Form, json_calls
from envgym.chat.dialects.reading import CALL, DOUBTFUL, Found, Source
from envgym.messages import Action, ToolCall
from envgym.parsing.near_json import BrokenJson

_UNCLOSED = f"it has no {CLOSE}"
_FOLLOWS = re.compile(r"<tool_call>|</?think>|<\|im_end\|>|\Z")


@register_dialect
class Hermes(Family):
    """JSON calls between tags; any number of them in a message."""

    name = "hermes"
    example = (
        "For each call write a JSON object with name and arguments:\n"
        f'{OPEN}\n{{"name": <name>, "arguments": <arguments>}}\n{CLOSE}'
    )

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write one block per call."""
        return json_calls(Action("", tuple(calls)))


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    """One block: it ends at its closing tag, or where the next one or a thought begins."""
    after = beginning.end()
    start = source.skip_space(after)
    if source.at(OPEN, start):
        return None  # a tag written twice
    closing = source.find(CLOSE, after)
    opening = source.find(OPEN, after)
    closed = closing >= 0 and not 0 <= opening < closing
    if not source.at("{", start) and not source.at("[", start):
        return _read_other(source, after, start, closing if closed else -1)
    try:
        value, end = source.json(start)
    except BrokenJson as error:
        problem = f"its JSON is broken ({error})" if closed else _UNCLOSED
        return Found([unreadable(problem)], after)
    behind = source.skip_space(end)
    if source.at(CLOSE, behind):
        return Found(_calls(value, source), behind + len(CLOSE))
    if _FOLLOWS.match(source.text, behind):
        return Found(_calls(value, source), end)
    near = source.text[behind : behind + 20]
    problem = f"its JSON is broken (text follows it, at {near!r})" if closed else _UNCLOSED
    return Found([unreadable(problem)], after)


def _calls(value: object, source: Source) -> list[ToolCall]:
    values = value if isinstance(value, list) and value else [value]
    return [call_of(one, source.tools) for one in values]


def _read_other(source: Source, after: int, start: int, closing: int) -> Found | None:
    """A block that holds no JSON: GLM's form, a bare name, or hardly a call."""
    glm = read_pairs(source, start)
    if glm is not None:
        return glm
    if closing < 0:  # prose behind it mentions the tag; nothing behind it is a call cut short
        cut = start == len(source.text)
        return Found([unreadable(_UNCLOSED)], after, DOUBTFUL) if cut else None
    body = source.text[after:closing].strip()
    if body in source.tools:
        return Found([ToolCall(body, {}, "")], closing + len(CLOSE), CALL)
    problem = f"at {body[:20]!r}" if body else "it is empty"
    return Found([unreadable(f"its JSON is broken ({problem})")], after, DOUBTFUL)


FORMS.append(Form(r"<tool_call>(?!\s*+<function=)", _read, r"</?tool_call>"))
