from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from envgym.dialects import dialect
from envgym.messages import Action, ToolCall

from .tools import MODEL_TEXTS, TOOLS

TAGS = dialect("tags")


@given(MODEL_TEXTS.map(str.strip), st.sampled_from([("search", "query"), ("answer", "text")]))
def test_what_is_written_is_read_back(body: str, tool: tuple[str, str]) -> None:
    name, parameter = tool
    assume(f"</{name}>" not in body)
    action = Action("", (ToolCall(name, {parameter: body}),))
    assert TAGS.parse(TAGS.write(action, TOOLS), TOOLS).tool_calls == action.tool_calls


@given(st.integers(), st.integers())
def test_many_arguments_are_a_json_object(x: int, y: int) -> None:
    action = Action.call("move", x=x, y=y)
    text = TAGS.write(action, TOOLS)
    assert json.loads(text.removeprefix("<move>").removesuffix("</move>")) == {"x": x, "y": y}
    assert TAGS.parse(text, TOOLS).tool_calls == action.tool_calls


@given(MODEL_TEXTS)
def test_any_text_is_read(text: str) -> None:
    action = TAGS.parse(text, TOOLS)
    assert action.text == text
    assert len(action.tool_calls) <= 1


@given(MODEL_TEXTS)
def test_neutral_text_holds_no_call(text: str) -> None:
    assert TAGS.parse(TAGS.neutralise(text, TOOLS), TOOLS).tool_calls == ()


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("I <b>think</b>. <search> a b </search>", ToolCall("search", {"query": "a b"})),
        ("<search>a</search><answer>b</answer>", ToolCall("search", {"query": "a"})),
        (
            '<search>{"query": "a", "top_k": 5}</search>',
            ToolCall("search", {"query": "a", "top_k": 5}),
        ),
        ('<answer>{"a": 1}</answer>', ToolCall("answer", {"text": '{"a": 1}'})),
        ("<wait></wait>", ToolCall("wait", {})),
    ],
)
def test_forms(text: str, call: ToolCall) -> None:
    assert TAGS.parse(text, TOOLS).tool_calls == (call,)


def test_broken_calls_say_why() -> None:
    [unclosed] = TAGS.parse("<search>a", TOOLS).tool_calls
    assert unclosed.error == "<search> has no </search>."
    [bare] = TAGS.parse("<move>1 2</move>", TOOLS).tool_calls
    assert bare.error == "move needs a JSON object with: x, y."


def test_without_tools_there_are_no_calls() -> None:
    assert TAGS.parse("<search>a</search>", ()).tool_calls == ()
    assert TAGS.neutralise("<search>a</search>", ()) == "<search>a</search>"


def test_generation_is_cut_after_a_call() -> None:
    assert "</search>" in TAGS.stop(TOOLS)
    assert "<search>query</search>: Find pages." in TAGS.instructions(TOOLS)
