"""``<tool_call><function=NAME><parameter=KEY>text</parameter></function></tool_call>``.

Qwen3-Coder, Qwen3.5 and later, Nemotron 3. A parameter stands on lines of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.chat.dialects.base import register_dialect
from envgym.chat.dialects.calls import call_of, call_of_texts, unreadable
from envgym.chat.dialects.families.texts import as_text, read_parameters
from envgym.chat.dialects.family import FORMS, Family, Form
from envgym.chat.dialects.reading import CALL, DOUBTFUL, Found, Source
from envgym.messages import ToolCall
from envgym.parsing.near_json import BrokenJson

_HEAD = re.compile(r"<parameter=([^>\n]{1,200})>")
_INSIDE = re.compile(r"^<parameter=\w{1,200}>$", re.M)  # another one begins in an open one
_END = re.compile(r"</parameter>(?=\s*+(?:<parameter=|</function>))")


@register_dialect
class Qwen3Coder(Family):
    """Parameters between tags, in a function between tags."""

    name = "qwen3_coder"
    example = (
        "For each call write:\n<tool_call>\n<function=NAME>\n<parameter=KEY>\nVALUE\n</parameter>\n"
        "</function>\n</tool_call>"
    )

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write one block per call."""
        return "\n".join(_block(call) for call in calls)


def _block(call: ToolCall) -> str:
    parameters = "".join(
        f"<parameter={name}>\n{as_text(value)}\n</parameter>\n"
        for name, value in (call.arguments or {}).items()
    )
    return f"<tool_call>\n<function={call.name}>\n{parameters}</function>\n</tool_call>"


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    name, after = beginning["function"].strip(), beginning.end()
    if source.at("{", source.skip_space(after)):
        return _read_object(source, name, after)
    found, end, closed = read_parameters(source, after, _HEAD, _END)
    behind = source.skip_space(end)
    if closed and source.at("</function>", behind):
        end = source.skip_space(behind + len("</function>"))
        end += len("</tool_call>") * source.at("</tool_call>", end)
        if any(_INSIDE.search(text) for _, text in found):
            return Found([unreadable("a parameter has no </parameter>", name)], end)
        pairs = [(head[1].strip(), _unframed(text), None) for head, text in found]
        return Found([call_of_texts(name, pairs, source.tools)], end)
    error = f"<function={name}> has no </function>" if closed else "a parameter has no </parameter>"
    sureness = CALL if found or name in source.tools else DOUBTFUL
    return Found([unreadable(error, name)], after, sureness)


def _read_object(source: Source, name: str, after: int) -> Found:
    """``<function=NAME>{…}</function>``: the form that Llama 3.1's prompt asks for."""
    try:
        arguments, end = source.json(source.skip_space(after))
    except BrokenJson as error:
        return Found([unreadable(f"its JSON is broken ({error})", name)], after)
    end = source.skip_space(end)
    if not source.at("</function>", end):
        return Found([unreadable(f"<function={name}> has no </function>", name)], after)
    call = call_of({"name": name, "arguments": arguments}, source.tools)
    return Found([call], end + len("</function>"))


def _unframed(text: str) -> str:
    """The text without the line ends after its opening tag and before its closing one."""
    return text.removeprefix("\n").removesuffix("\n")


FORMS.append(
    Form(
        r"(?:<tool_call>\s*+)?<function=(?P<function>[^>\n]{1,200})>",
        _read,
        r"</?tool_call>|<function=|</function>",
    )
)
