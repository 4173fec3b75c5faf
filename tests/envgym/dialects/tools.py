"""The tools that the dialect tests call, and arguments for them."""

from __future__ import annotations

from hypothesis import strategies as st

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

# Pieces that parsers stumble on, mixed with any text.
_PIECES = st.sampled_from(
    [
        *("<tool_call>", "</tool_call>", '{"name": "search", "arguments": ', "{", "}", '"', "\\"),
        *("<search>", "</search>", "<answer>", "</answer>", "<nope>", "</think>", "<think>"),
        *("```", "```python", "```\n", "\n```answer\n", "\n", " ", "null", "[" * 2000, "9" * 5000),
    ]
)
MODEL_TEXTS = st.lists(_PIECES | st.text(max_size=12), max_size=12).map("".join)
