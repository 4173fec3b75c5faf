from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from envgym.dialects import dialect
from envgym.messages import Action, ToolCall

from .tools import MODEL_TEXTS, TOOLS

CODE = dialect("code")
bodies = MODEL_TEXTS.map(str.strip)


@given(st.lists(bodies, max_size=3))
def test_what_is_written_is_read_back(texts: list[str]) -> None:
    assume(not any("```" in text for text in texts))
    calls = tuple(ToolCall("python", {"code": text}, str(i)) for i, text in enumerate(texts))
    written = CODE.write(Action("So:", calls), TOOLS)
    assert CODE.parse(written, TOOLS) == Action(written, calls)


@given(bodies, st.integers())
def test_many_arguments_are_a_json_object(query: str, top_k: int) -> None:
    assume("```" not in query)
    action = Action.call("search", query=query, top_k=top_k)
    assert CODE.parse(CODE.write(action, TOOLS), TOOLS).tool_calls == action.tool_calls


@given(MODEL_TEXTS)
def test_any_text_is_read(text: str) -> None:
    action = CODE.parse(text, TOOLS)
    assert action.text == text
    assert [c.id for c in action.tool_calls] == [str(i) for i in range(len(action.tool_calls))]


@given(MODEL_TEXTS)
def test_neutral_text_holds_no_call(text: str) -> None:
    assert CODE.parse(CODE.neutralise(text, TOOLS), TOOLS).tool_calls == ()


@pytest.mark.parametrize("info", ["python", "py", "verilog"])
def test_a_language_stands_for_the_tool_that_takes_code(info: str) -> None:
    text = f"First:\n```{info}\nfor i in x:\n    print(i)\n```\nDone."
    code = "for i in x:\n    print(i)"
    assert CODE.parse(text, TOOLS).tool_calls == (ToolCall("python", {"code": code}),)


def test_prose_blocks_are_no_calls() -> None:
    assert CODE.parse("```\nlisting\n```", TOOLS).tool_calls == ()
    without = [t for t in TOOLS if t.name != "python"]
    assert CODE.parse("```python\nx\n```", without).tool_calls == ()


def test_an_unclosed_block_says_so() -> None:
    [call] = CODE.parse("```python\nx = 1", TOOLS).tool_calls
    assert call.error == "the python block has no closing ```."
