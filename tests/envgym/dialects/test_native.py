from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.dialects import DIALECTS, dialect
from envgym.dialects.native import from_openai, to_openai
from envgym.errors import UsageError
from envgym.messages import Action, ToolCall

from .tools import MODEL_TEXTS, TOOLS

NATIVE = dialect("native")
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
