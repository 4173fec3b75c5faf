from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.chat.dialects import dialect
from envgym.messages import Action, ToolCall
from envgym.tools import tool, tools_of
from tests.envgym.chat.dialects.tools import TOOLS

TAGS = dialect("tags")


@given(st.integers(), st.integers())
def test_many_arguments_are_a_json_object(x: int, y: int) -> None:
    action = Action.call("move", x=x, y=y)
    text = TAGS.write(action, TOOLS)
    assert json.loads(text.removeprefix("<move>").removesuffix("</move>")) == {"x": x, "y": y}
    assert TAGS.parse(text, TOOLS).tool_calls == action.tool_calls


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("I <b>think</b>. <search> a b </search>", ToolCall("search", {"query": "a b"})),
        ("I write <answer> tags. <answer>a</answer>", ToolCall("answer", {"text": "a"})),
        (
            "Between `<answer>` and that: <answer>a</answer>",
            ToolCall("answer", {"text": "a"}),
        ),
        ("<think><answer>a</answer></think><answer>b</answer>", ToolCall("answer", {"text": "b"})),
        ("<answer>a</answer></think><answer>b</answer>", ToolCall("answer", {"text": "b"})),
        ("<answer>a <think> b</answer>", ToolCall("answer", {"text": "a <think> b"})),
        ("Between <answer> and </answer>. <answer>a</answer>", ToolCall("answer", {"text": "a"})),
        ("<answer>and</answer>", ToolCall("answer", {"text": "and"})),
        ("I use <search> tags. <answer>a</answer>", ToolCall("answer", {"text": "a"})),
        (
            '<search>{"query": "a", "top_k": 5}</search>',
            ToolCall("search", {"query": "a", "top_k": 5}),
        ),
        ('<answer>{"a": 1}</answer>', ToolCall("answer", {"text": '{"a": 1}'})),
        ('<answer>{"text": "b"}</answer>', ToolCall("answer", {"text": "b"})),
        ("<wait></wait>", ToolCall("wait", {})),
    ],
)
def test_forms(text: str, call: ToolCall) -> None:
    assert TAGS.parse(text, TOOLS).tool_calls == (call,)


def test_the_first_call_counts_and_the_others_are_told() -> None:
    first, second = TAGS.parse("<search>a</search><answer>b</answer>", TOOLS).tool_calls
    assert first == ToolCall("search", {"query": "a"})
    assert "only the first call of a message is run, search" in (second.error or "")


def test_a_broken_object_is_no_text() -> None:
    [call] = TAGS.parse('<search>{"query": "a", "top_k": }</search>', TOOLS).tool_calls
    assert "line 1, column 25" in (call.error or "")


def test_broken_calls_say_why() -> None:
    [unclosed] = TAGS.parse("<search>a", TOOLS).tool_calls
    assert unclosed.error == "<search> has no </search>."
    [bare] = TAGS.parse("<move>1 2</move>", TOOLS).tool_calls
    assert bare.error == "move needs a JSON object with: x, y."


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (Action.call("search", query="a b"), "<search>a b</search>"),
        (Action.call("search", query=" a "), '<search>{"query": " a "}</search>'),
        (
            Action.call("search", query="</answer>"),  # would cut the generation
            '<search>{"query": "\\u003c/answer>"}</search>',
        ),
        (
            Action("Is <search> it?", (ToolCall("answer", {"text": "yes"}),)),
            "Is < search> it?<answer>yes</answer>",
        ),
    ],
)
def test_plain_text_where_it_is_read_back(call: Action, text: str) -> None:
    assert TAGS.write(call, TOOLS) == text


def test_numbers_are_written_plainly() -> None:
    class Door:
        @tool
        async def knock(self, times: int) -> str:
            """Knock."""
            return ""

    tools = tuple(tools_of(Door).values())
    assert TAGS.write(Action.call("knock", times=3), tools) == "<knock>3</knock>"
    assert TAGS.write(Action.call("knock", times=None), tools) == '<knock>{"times": null}</knock>'


def test_without_tools_there_are_no_calls() -> None:
    assert TAGS.parse("<search>a</search>", ()).tool_calls == ()
    assert TAGS.neutralise("<search>a</search>", ()) == "<search>a</search>"


def test_generation_is_cut_after_a_call() -> None:
    assert "</search>" in TAGS.stop(TOOLS)
    assert "<search>query</search>: Find pages." in TAGS.instructions(TOOLS)


def test_tags_around_the_parameters_name_are_mentioned() -> None:
    text = "I use <search>query</search> later. <answer>a</answer>"
    assert TAGS.parse(text, TOOLS).tool_calls == (ToolCall("answer", {"text": "a"}),)
    [alone] = TAGS.parse("<search>query</search>", TOOLS).tool_calls
    assert alone.arguments == {"query": "query"}
