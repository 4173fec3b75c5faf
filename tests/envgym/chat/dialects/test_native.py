from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.chat.dialects import DIALECTS, dialect
from envgym.chat.dialects.native import from_openai, to_openai
from envgym.errors import UsageError
from envgym.messages import Action, ToolCall
from tests.envgym.chat.dialects.tools import MODEL_TEXTS, TOOLS

NATIVE = dialect("native")
FIELDS = st.sampled_from(["content", "tool_calls", "id", "function", "name", "arguments", "text"])
objects = st.dictionaries(st.text(), st.integers() | st.text() | st.booleans())


@given(st.lists(st.tuples(st.text(), objects)))
def test_what_is_written_is_read_back(pairs: list[tuple[str, dict[str, Any]]]) -> None:
    calls = tuple(ToolCall(name, args, f"call_{i}") for i, (name, args) in enumerate(pairs))
    message = {"content": None, "tool_calls": [to_openai(call) for call in calls]}
    assert from_openai(message) == Action("", calls)


@given(st.text())
def test_any_arguments_are_read(arguments: str) -> None:
    function = {"name": "search", "arguments": arguments}
    [call] = from_openai({"tool_calls": [{"id": "x", "function": function}]}).tool_calls
    assert call.id == "x"
    assert (call.arguments is None) == (call.error is not None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(FIELDS, json_values), st.lists(json_values, max_size=4))
def test_any_message_is_read(message: dict[str, Any], calls: list[Any]) -> None:
    action = from_openai(message | {"tool_calls": calls})
    assert len(action.tool_calls) == len(calls)
    assert len({call.id for call in action.tool_calls}) == len(calls)
    assert isinstance(from_openai(message).text, str)


def test_content_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]
    assert from_openai({"content": parts}) == Action("ab")


@pytest.mark.parametrize(
    "call", [{}, {"id": None, "function": None}, {"function": {"name": None, "arguments": None}}]
)
def test_gaps_are_read(call: dict[str, Any]) -> None:
    [read] = from_openai({"content": "hm", "tool_calls": [call]}).tool_calls
    assert (read.name, read.id, read.arguments) == ("", "0", {})


@given(MODEL_TEXTS)
def test_text_alone_holds_no_call(text: str) -> None:
    assert NATIVE.parse(text, TOOLS) == Action(text)
    assert NATIVE.neutralise(text, TOOLS) == text


def test_dialects_are_found_by_name() -> None:
    assert {"hermes", "tags", "code", "native"} <= set(DIALECTS)
    with pytest.raises(UsageError, match="Did you mean 'hermes'"):
        dialect("hermés")
