from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.chat.dialects import dialect
from envgym.messages import Action, ToolCall
from tests.envgym.chat.dialects.tools import TOOLS, numbered

HERMES = dialect("hermes")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
calls = st.lists(
    st.tuples(st.text(), st.dictionaries(st.text(), values | st.just("</tool_call>"))), max_size=4
)


@given(calls)
def test_what_is_written_is_read_back(pairs: list[tuple[str, dict[str, object]]]) -> None:
    action = Action("Let me see.", numbered(pairs))
    text = HERMES.write(action, TOOLS)
    assert text.startswith("Let me see.")
    assert HERMES.parse(text, TOOLS) == Action(text, action.tool_calls)


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


@pytest.mark.parametrize(
    "call",
    [
        {"function": {"name": "search", "arguments": {"query": "x"}}, "type": "function"},
        {"function": {"name": "search"}, "arguments": {"query": "x"}},
        {"function": {"name": "search"}, "query": "x", "id": "1"},
        {"name": "search", "function": {"name": "search"}, "parameters": {"query": "x"}},
    ],
)
def test_arguments_around_or_beside_a_function_object_are_read(call: dict[str, object]) -> None:
    text = f"<tool_call>{json.dumps(call)}</tool_call>"
    assert HERMES.parse(text, TOOLS).tool_calls == (ToolCall("search", {"query": "x"}),)


def test_two_holders_around_a_function_object_are_refused() -> None:
    call = {"function": {"name": "wait", "arguments": {}}, "parameters": {"a": 1}}
    [read] = HERMES.parse(f"<tool_call>{json.dumps(call)}</tool_call>", TOOLS).tool_calls
    assert "both hold arguments" in (read.error or "")


def test_an_unclosed_call_is_read_or_says_so() -> None:
    whole = HERMES.parse('<tool_call>{"name": "wait", "arguments": {}}', TOOLS)
    assert whole.tool_calls == (ToolCall("wait", {}),)
    [cut] = HERMES.parse('<tool_call>{"name": "wa', TOOLS).tool_calls
    assert "no </tool_call>" in (cut.error or "")


def test_arguments_quoted_once_more_are_read() -> None:
    text = r'<tool_call>{"name": "search", "arguments": "{\"query\": \"x\"}"}</tool_call>'
    assert HERMES.parse(text, TOOLS).tool_calls == (ToolCall("search", {"query": "x"}),)


def test_a_half_open_call_does_not_swallow_the_next() -> None:
    good = '{"name": "wait", "arguments": {}}'
    text = f'<tool_call>{{"name": "se\n<tool_call>{good}</tool_call>'
    cut, whole = HERMES.parse(text, TOOLS).tool_calls
    assert (cut.id, "no </tool_call>" in (cut.error or "")) == ("0", True)
    assert whole == ToolCall("wait", {}, "1")
    unclosed = HERMES.parse(f"<tool_call>{good}\n<tool_call>{good}", TOOLS).tool_calls
    assert unclosed == (ToolCall("wait", {}, "0"), ToolCall("wait", {}, "1"))


def test_a_tag_opened_twice_is_one_call() -> None:
    text = '<tool_call>\n<tool_call>{"name": "wait", "arguments": {}}</tool_call></tool_call>'
    assert HERMES.parse(text, TOOLS).tool_calls == (ToolCall("wait", {}),)
    [call] = HERMES.parse("<tool_call>" * 1000, TOOLS).tool_calls
    assert "no </tool_call>" in (call.error or "")


def test_an_opening_tag_in_a_string_opens_nothing() -> None:
    text = '<tool_call>{"name": "search", "arguments": {"query": "<tool_call>"}}</tool_call>'
    assert HERMES.parse(text, TOOLS).tool_calls == (ToolCall("search", {"query": "<tool_call>"}),)


def test_instructions_hold_every_schema() -> None:
    text = HERMES.instructions(TOOLS)
    assert all(f'"name": "{t.name}"' in text for t in TOOLS)
    assert HERMES.schema_in_template


@pytest.mark.parametrize(
    "text",
    [
        "I use the <tool_call> tag.",
        "I write `<tool_call>` before a call.",
        "<think>I could <tool_call>{}</tool_call></think>No.",
        '<think>\n<tool_call>{"name": "wait"}</tool_call>',
        '<tool_call>{"name": "wait"}</tool_call></think>No.',
    ],
)
def test_what_is_mentioned_or_thought_is_no_call(text: str) -> None:
    assert HERMES.parse(text, TOOLS).tool_calls == ()


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "search", "parameters": {"query": "a"}}',
        '{"name": "search", "args": {"query": "a"}}',
        '{"name": "search", "input": {"query": "a"}}',
        '{"name": "search", "query": "a", "id": "x"}',
        '{"type": "function", "function": {"name": "search", "arguments": {"query": "a"}}}',
        "{'name': 'search', 'arguments': {'query': 'a',},}",
    ],
)
def test_arguments_under_other_keys_are_read(body: str) -> None:
    [call] = HERMES.parse(f"<tool_call>{body}</tool_call>", TOOLS).tool_calls
    assert call == ToolCall("search", {"query": "a"})


def test_arguments_in_two_places_are_refused_by_name() -> None:
    beside = '<tool_call>{"name": "search", "arguments": {"query": "a"}, "top_k": 3}</tool_call>'
    both = '<tool_call>{"name": "search", "arguments": {}, "args": {"query": "a"}}</tool_call>'
    assert '"top_k" stands beside' in (HERMES.parse(beside, TOOLS).tool_calls[0].error or "")
    assert '"arguments" and "args"' in (HERMES.parse(both, TOOLS).tool_calls[0].error or "")


@pytest.mark.parametrize("text", ["use </tool_call>", "<think>", "a</think>b", "<tool_call>{"])
def test_marks_in_a_string_are_part_of_it(text: str) -> None:
    body = json.dumps({"name": "answer", "arguments": {"text": text}})
    [call] = HERMES.parse(f"<tool_call>{body}</tool_call>", TOOLS).tool_calls
    assert call.arguments == {"text": text}
