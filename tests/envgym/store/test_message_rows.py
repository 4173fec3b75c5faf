"""Rows of messages and actions: both forms come back equal, through JSON as well."""

from __future__ import annotations

import json
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from envgym.messages import Action, Kind, Message, Role, ToolCall
from envgym.store.message_rows import action_of, action_row, message_of, message_row

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
CALLS = st.lists(
    st.builds(
        ToolCall,
        st.text(),
        st.none() | st.dictionaries(st.text(), JSON, max_size=3),
        st.text(),
        st.none() | st.text(),
    ),
    max_size=3,
).map(tuple)
MESSAGES = st.builds(
    Message,
    st.sampled_from(get_args(Role)),
    st.text(),
    st.none() | st.sampled_from(get_args(Kind)),
    CALLS,
    st.none() | st.text(),
    st.none() | st.text(),
)


@given(MESSAGES, st.booleans())
def test_messages_come_back(message: Message, full: bool) -> None:
    row = json.loads(json.dumps(message_row(message, full=full)))
    assert message_of(row) == message


@given(st.builds(Action, st.text(), CALLS), st.booleans(), st.none() | st.text())
def test_actions_come_back(action: Action, full: bool, known: str | None) -> None:
    for text in (known, action.text):
        row = json.loads(json.dumps(action_row(action, full=full, known_text=text)))
        assert ("text" in row) == (action.text != text)
        assert action_of(row, text or "") == action


def test_the_two_forms() -> None:
    said = Message("assistant", "So:", None, (ToolCall("guess", {"number": 7}),))
    call = {"name": "guess", "arguments": {"number": 7}, "id": "0"}
    assert message_row(said) == {"role": "assistant", "content": "So:", "tool_calls": [call]}
    assert message_row(said, full=True) == {
        "role": "assistant",
        "kind": "action",
        "content": "So:",
        "tool_calls": [{**call, "error": None}],
    }
    assert list(message_row(said, full=True)) == ["role", "kind", "content", "tool_calls"]


def test_a_role_that_is_none_is_its_own_kind() -> None:
    assert message_of({"role": "critic", "content": ""}).kind == "critic"
