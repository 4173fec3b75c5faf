"""``<｜DSML｜invoke name="NAME"><｜DSML｜parameter name="KEY" string="true">text…``: DeepSeek V3.2.

V4 differs in the name of the outer tag, which is read as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.chat.dialects.base import register_dialect
from envgym.chat.dialects.calls import call_of_texts, unreadable
from envgym.chat.dialects.families.texts import as_text, read_parameters
from envgym.chat.dialects.family import FORMS, Family, Form
from envgym.chat.dialects.reading import Found, Source
from envgym.messages import ToolCall

_CALLS, _CALLS_END = "<｜DSML｜function_calls>", "</｜DSML｜function_calls>"
_INVOKE_END = "</｜DSML｜invoke>"
_HEAD = re.compile(r'<｜DSML｜parameter name="([^"\n]{1,200})"(?: string="(true|false)")?>')
_END = re.compile(r"</｜DSML｜parameter>(?=\s*+(?:<｜DSML｜parameter|</｜DSML｜invoke>))")


@register_dialect
class DeepSeekV32(Family):
    """Parameters between tags that say whether they are text or JSON."""

    name = "deepseek_v32"
    before_calls = "\n\n"
    example = (
        f'Write all calls at once:\n{_CALLS}\n<｜DSML｜invoke name="NAME">\n'
        '<｜DSML｜parameter name="KEY" string="true|false">VALUE</｜DSML｜parameter>\n'
        f"{_INVOKE_END}\n{_CALLS_END}\n"
        'string="true" for a text as it is, string="false" for JSON.'
    )

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write all calls between one pair of tags."""
        return "\n".join((_CALLS, *map(_block, calls), _CALLS_END))


def _block(call: ToolCall) -> str:
    parameters = "".join(
        f'<｜DSML｜parameter name="{name}" string="{str(isinstance(value, str)).lower()}">'
        f"{as_text(value)}</｜DSML｜parameter>\n"
        for name, value in (call.arguments or {}).items()
    )
    return f'<｜DSML｜invoke name="{call.name}">\n{parameters}{_INVOKE_END}'


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    name, after = beginning["invoke"], beginning.end()
    found, end, closed = read_parameters(source, after, _HEAD, _END)
    behind = source.skip_space(end)
    if not closed or not source.at(_INVOKE_END, behind):
        error = f"it has no {_INVOKE_END}" if closed else "a parameter has no </｜DSML｜parameter>"
        return Found([unreadable(error, name)], after)
    pairs = [
        (head[1], text, None if head[2] is None else head[2] == "true") for head, text in found
    ]
    return Found([call_of_texts(name, pairs, source.tools)], behind + len(_INVOKE_END))


FORMS.append(Form(r'<｜DSML｜invoke name="(?P<invoke>[^"\n]{1,200})">', _read, "</?｜DSML｜"))
