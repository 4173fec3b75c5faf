from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.dialects import dialect
from envgym.messages import Action, ToolCall

from .tools import MODEL_TEXTS, TOOLS

HERMES = dialect("hermes")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
calls = st.lists(
    st.tuples(st.text(), st.dictionaries(st.text(), values | st.just("</tool_call>"))), max_size=4
)


def numbered(pairs: list[tuple[str, dict[str, object]]]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(name, args, str(i)) for i, (name, args) in enumerate(pairs))


@given(calls)
def test_what_is_written_is_read_back(pairs: list[tuple[str, dict[str, object]]]) -> None:
    action = Action("Let me see.", numbered(pairs))
    text = HERMES.write(action, TOOLS)
    assert text.startswith("Let me see.")
    assert HERMES.parse(text, TOOLS) == Action(text, action.tool_calls)


@given(MODEL_TEXTS)
def test_any_text_is_read(text: str) -> None:
    action = HERMES.parse(text, TOOLS)
    assert action.text == text
    assert [c.id for c in action.tool_calls] == [str(i) for i in range(len(action.tool_calls))]
    assert all((c.arguments is None) == (c.error is not None) for c in action.tool_calls)


@given(MODEL_TEXTS)
def test_neutral_text_holds_no_call(text: str) -> None:
    assert HERMES.parse(HERMES.neutralise(text, TOOLS), TOOLS).tool_calls == ()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"name": "search", "arguments": {"query": }}', "JSON is broken"),
        ("", "JSON is broken"),
        ("[1]", "an object"),
        ('{"arguments": {}}', "an object"),
        ('{"name": 3}', "an object"),
        ('{"name": "search", "arguments": [1]}', "must be an object"),
        ('{"name": "search", "arguments": "no"}', "must be an object"),
        ("[" * 100_000, "JSON is broken"),
    ],
)
def test_a_broken_call_says_why(body: str, said: str) -> None:
    [call] = HERMES.parse(f"<tool_call>{body}</tool_call>", TOOLS).tool_calls
    assert said in (call.error or "")


def test_an_unclosed_call_is_read_or_says_so() -> None:
    whole = HERMES.parse('<tool_call>{"name": "wait", "arguments": {}}', TOOLS)
    assert whole.tool_calls == (ToolCall("wait", {}),)
    [cut] = HERMES.parse('<tool_call>{"name": "wa', TOOLS).tool_calls
    assert "no </tool_call>" in (cut.error or "")


def test_arguments_quoted_once_more_are_read() -> None:
    text = r'<tool_call>{"name": "search", "arguments": "{\"query\": \"x\"}"}</tool_call>'
    assert HERMES.parse(text, TOOLS).tool_calls == (ToolCall("search", {"query": "x"}),)


def test_reading_takes_linear_time() -> None:
    began = time.monotonic()
    HERMES.parse("<tool_call>" * 200_000, TOOLS)
    assert len(HERMES.parse("<tool_call></tool_call>" * 20_000, TOOLS).tool_calls) == 20_000
    assert time.monotonic() - began < 5


def test_instructions_hold_every_schema() -> None:
    text = HERMES.instructions(TOOLS)
    assert all(f'"name": "{t.name}"' in text for t in TOOLS)
    assert HERMES.schema_in_template
