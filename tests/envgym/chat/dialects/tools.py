"""The tools that the dialect tests call, and arguments for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from envgym.messages import ToolCall
from envgym.tools import tool, tools_of


class _Tools:
    @tool
    async def search(self, query: str, top_k: int = 3) -> str:
        """Find pages."""
        return ""

    @tool
    async def answer(self, text: str) -> str:
        """Answer."""
        return ""

    @tool
    async def python(self, code: str) -> str:
        """Run Python."""
        return ""

    @tool
    async def move(self, x: int, y: int) -> str:
        """Go somewhere."""
        return ""

    @tool
    async def wait(self) -> str:
        """Do nothing."""
        return ""


TOOLS = tuple(tools_of(_Tools).values())

# Pieces that parsers stumble on, mixed with any text and any bytes, halves of characters included.
_PIECES = st.sampled_from(
    [
        *("<tool_call>", "</tool_call>", '{"name": "search", "arguments": ', "{", "}", '"', "\\"),
        *("<search>", "</search>", "<answer>", "</answer>", "<nope>", "</think>", "<think>"),
        *("```", "```python", "```\n", "\n```answer\n", "\n", " ", "null", "[" * 2000, "9" * 5000),
        *("<function=search>", "<parameter=query>", "</parameter>", "</function>", "'", "`"),
        *(
            "<arg_key>",
            "</arg_key><arg_value>",
            "</arg_value>",
            "search",
            "[search(",
            "query=",
            ")]",
        ),
        *(
            "<｜tool▁calls▁begin｜>",
            "<｜tool▁call▁begin｜>",
            "<｜tool▁sep｜>",
            "<｜tool▁call▁end｜>",
        ),
        *('<｜DSML｜invoke name="search">', '<｜DSML｜parameter name="query" string="true">'),
        *("</｜DSML｜parameter>", "</｜DSML｜invoke>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>"),
        *("<|tool_call_begin|>functions.search:0", "<|tool_call_argument_begin|>", "<|eom_id|>"),
        *("<|tool_call_end|>", "<|python_start|>", "<|tool_call_start|>", '\n{"name": "search", '),
        *(
            '"parameters": {"query": "',
            '"}}',
            "\n[search(query='a')]",
            "\n</think>\n",
            "`</think>`",
        ),
        *("```c++\n", "\r\n", '{"query": 1}', '{"text": "', "\\ud800", '[{"a": ' * 60, "]" * 60),
    ]
)
_CHARACTERS = st.text(st.characters(exclude_categories=()), max_size=12)
_BYTES = st.binary(max_size=12).map(lambda b: b.decode(errors="surrogateescape"))
MODEL_TEXTS = st.lists(_PIECES | _CHARACTERS | _BYTES, max_size=12).map("".join)

FITTING_CALLS = st.one_of(
    st.builds(lambda q: ("search", {"query": q}), MODEL_TEXTS),
    st.builds(lambda q, k: ("search", {"query": q, "top_k": k}), MODEL_TEXTS, st.integers()),
    st.builds(lambda t: ("answer", {"text": t}), MODEL_TEXTS),
    st.builds(lambda c: ("python", {"code": c}), MODEL_TEXTS),
    st.builds(lambda x, y: ("move", {"x": x, "y": y}), st.integers(), st.integers()),
    st.just(("wait", {})),
)


def numbered(pairs: Sequence[tuple[str, dict[str, Any]]]) -> tuple[ToolCall, ...]:
    """Calls with the ids that a parser gives."""
    return tuple(ToolCall(name, args, str(i)) for i, (name, args) in enumerate(pairs))
