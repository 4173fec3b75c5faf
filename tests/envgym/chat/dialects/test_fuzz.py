"""What every dialect promises on any text: it is read, written back, and never taken for a call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.chat.dialects import DIALECTS, dialect
from envgym.chat.dialects.native import from_openai, to_openai
from envgym.chat.renderer import Chat
from envgym.messages import Action, Message, ToolCall, user
from envgym.parsing.near_json import MAX_DEPTH
from tests.envgym import templates
from tests.envgym.chat.dialects.tools import FITTING_CALLS, MODEL_TEXTS, TOOLS, numbered

every = pytest.mark.parametrize("name", sorted(DIALECTS))
Pairs = list[tuple[str, dict[str, Any]]]


@every
@given(text=MODEL_TEXTS)
def test_any_text_is_read(name: str, text: str) -> None:
    action = dialect(name).parse(text, TOOLS)
    assert action.text == text
    assert len({c.id for c in action.tool_calls} - {""}) == len(action.tool_calls)
    assert all((c.arguments is None) == (c.error is not None) for c in action.tool_calls)
    json.dumps([c.arguments for c in action.tool_calls])  # shallow enough for whoever writes it


@every
@given(text=MODEL_TEXTS)
def test_neutral_text_holds_no_call(name: str, text: str) -> None:
    form = dialect(name)
    once = form.neutralise(text, TOOLS)
    assert form.parse(once, TOOLS).tool_calls == ()
    assert form.neutralise(once, TOOLS) == once
    assert once.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("name", sorted({*DIALECTS} - {"tags", "native"}))
@given(text=MODEL_TEXTS, pairs=st.lists(FITTING_CALLS, max_size=4))
def test_what_is_written_is_read_back(name: str, text: str, pairs: Pairs) -> None:
    action = Action(text if pairs else "Nothing.", numbered(pairs))
    written = dialect(name).write(action, TOOLS)
    read = dialect(name).parse(written, TOOLS).tool_calls
    assert [(c.name, c.arguments) for c in read] == pairs
    assert [c.id for c in read] == [
        dialect(name).result_id(c.id, c.name) for c in action.tool_calls
    ]


@given(MODEL_TEXTS, FITTING_CALLS)
def test_a_call_in_tags_is_read_back(text: str, pair: tuple[str, dict[str, Any]]) -> None:
    action, tags = Action(text, numbered([pair])), dialect("tags")
    written = tags.write(action, TOOLS)
    assert tags.parse(written, TOOLS).tool_calls == action.tool_calls
    # Sampling stops at the first of these: what is demonstrated ends there as well.
    assert min(written.find(s) + len(s) for s in tags.stop(TOOLS) if s in written) == len(written)


@given(MODEL_TEXTS, st.lists(FITTING_CALLS, max_size=4))
def test_native_calls_travel(text: str, pairs: Pairs) -> None:
    action = Action(text, numbered(pairs))
    message = {"content": text, "tool_calls": [to_openai(c) for c in action.tool_calls]}
    assert from_openai(json.loads(json.dumps(message))) == Action(text, action.tool_calls)


@pytest.mark.parametrize("name", sorted({*DIALECTS} - {"native"}))
@given(pair=FITTING_CALLS)
def test_what_is_written_is_text_for_tokenizers(name: str, pair: Any) -> None:
    dialect(name).write(Action("", numbered([pair])), TOOLS).encode()


@every
@given(page=MODEL_TEXTS.map(lambda t: t.encode(errors="replace").decode()))
def test_a_call_in_a_retrieved_text_is_none(name: str, page: str) -> None:
    chat = Chat(templates.tokenizer(templates.GROUPING), name)
    skeleton = chat.skeleton([user("?")], TOOLS)
    page_shown = [Message("tool", page, tool_call_id="0")]
    [*_, last] = chat.extend(skeleton, Message("assistant", "!"), (), page_shown, TOOLS) or ()
    assert last.kind == "tool"
    assert dialect(name).parse(chat.tokenizer.decode(last.ids), TOOLS).tool_calls == ()


@pytest.mark.parametrize("depth", [MAX_DEPTH - 2, MAX_DEPTH - 1, 400, 10**5])
def test_depth_has_a_bound_that_the_stack_does_not_move(depth: int) -> None:
    value = "[" * depth + "]" * depth
    text = f'<tool_call>{{"name": "search", "arguments": {{"query": {value}}}}}</tool_call>'

    def read(frames: int) -> ToolCall:
        return read(frames - 1) if frames else dialect("hermes").parse(text, TOOLS).tool_calls[0]

    assert (read(0).error is None) == (depth + 2 <= MAX_DEPTH)
    assert (read(0).error is None) == (read(500).error is None)
    json.dumps([read(0).arguments])
