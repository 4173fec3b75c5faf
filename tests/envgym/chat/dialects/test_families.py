"""What the chat templates of model families render is read, and what is written stands in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from envgym.chat.dialects import dialect, resolve_dialect
from envgym.messages import Action, ToolCall
from envgym.parsing.arguments import fit
from tests.envgym.chat.dialects.test_choice import DIALECT_OF
from tests.envgym.chat.dialects.tools import TOOLS
from tests.envgym.chat_templates import families

CALLS = (
    ToolCall(
        "search", {"query": 'Who wrote "Faust"?\nIn <b>one</b> line, [1] {a}', "top_k": 5}, "0"
    ),
    ToolCall("move", {"x": -3, "y": 12}, "1"),
    ToolCall("wait", {}, "2"),
)
ONE_CALL = {"llama3_1", "llama3_2"}
AS_TEXT = {"deepseekv3"}  # takes the arguments as JSON in a string
FORMS = [
    (
        "qwen3_coder",
        "<tool_call>\n<function=move>\n<parameter=x>\n1\n</parameter>\n<parameter=y>\n2\n"
        "</parameter>\n</function>\n</tool_call>",
    ),
    ("qwen3_coder", "<function=move><parameter=x>1</parameter><parameter=y>2</parameter>"
     "</function>"),
    ("glm45", "<tool_call>move\n<arg_key>x</arg_key>\n<arg_value>1</arg_value>\n"
     "<arg_key>y</arg_key>\n<arg_value>2</arg_value>\n</tool_call>"),
    ("glm45", "<tool_call>move<arg_key>x</arg_key><arg_value>1</arg_value>"
     "<arg_key>y</arg_key><arg_value>2</arg_value></tool_call>"),
    ("deepseek_v31", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>move<｜tool▁sep｜>"
     '{"x": 1, "y": 2}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'),
    ("deepseek_v32", '<｜DSML｜function_calls>\n<｜DSML｜invoke name="move">\n'
     '<｜DSML｜parameter name="x" string="false">1</｜DSML｜parameter>\n'
     '<｜DSML｜parameter name="y" string="false">2</｜DSML｜parameter>\n'
     "</｜DSML｜invoke>\n</｜DSML｜function_calls>"),
    ("mistral", '[TOOL_CALLS]move[ARGS]{"x": 1, "y": 2}'),
    ("mistral", '[TOOL_CALLS]move[CALL_ID]abcdefghi[ARGS]{"x": 1, "y": 2}'),
    ("mistral_list", '[TOOL_CALLS] [{"name": "move", "arguments": {"x": 1, "y": 2}}]'),
    ("llama3_json", '{"name": "move", "parameters": {"x": 1, "y": 2}}'),
    ("llama3_json", '<|python_tag|>{"type": "function", "name": "move", "parameters": '
     '{"x": 1, "y": 2}}<|eom_id|>'),
    ("llama3_json", '<|python_tag|>move.call(x=1, y=2)<|eom_id|>'),
    ("llama3_json", 'I will go.\n```json\n{"name": "move", "parameters": {"x": 1, "y": 2}}\n```'),
    ("llama3_json", '<|python_tag|>move(x=1, y=2)<|eom_id|>'),
    ("llama3_json", '<function=move>{"x": 1, "y": 2}</function><|eom_id|>'),
    ("deepseek_v3", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>move\n"
     '{"x": 1, "y": 2}\n<｜tool▁call▁end｜><｜tool▁calls▁end｜>'),
    ("deepseek_v31", "<｜tool▁call▁begin｜>move<｜tool▁sep｜>```json\n"
     '{"x": 1, "y": 2}\n```<｜tool▁call▁end｜>'),
    ("pythonic", "[move(x=1, y=2)]"),
    ("pythonic", "<|python_start|>[move(x=1, y=2)]<|python_end|>"),
    ("lfm2", "<|tool_call_start|>[move(x=1, y=2)]<|tool_call_end|>"),
    ("kimi_k2", "<|tool_calls_section_begin|><|tool_call_begin|>functions.move:0"
     '<|tool_call_argument_begin|>{"x": 1, "y": 2}<|tool_call_end|><|tool_calls_section_end|>'),
    ("harmony", "<|channel|>commentary to=functions.move <|constrain|>json<|message|>"
     '{"x": 1, "y": 2}<|call|>'),
    ("harmony", "<|channel|>analysis<|message|>I go.<|end|><|start|>assistant<|channel|>commentary"
     ' to=functions.move<|message|>{"x": 1, "y": 2}'),
    ("harmony", "<|start|>assistant to=functions.move<|channel|>commentary json<|message|>"
     '{"x": 1, "y": 2}<|call|>'),
]  # fmt: skip


@pytest.mark.skipif(not families.names(), reason=families.ABSENT)
@pytest.mark.parametrize("template", DIALECT_OF)
def test_what_a_template_renders_is_read(template: str) -> None:
    form = dialect(resolve_dialect("auto", families.source(template)))
    calls = CALLS[:1] if template in ONE_CALL else CALLS
    if template == "lfm2_v2":  # renders text without escapes
        calls = (ToolCall("search", {"query": "Faust", "top_k": 5}, "0"), *CALLS[1:])
    rendered = _rendered(template, calls)
    assert form.parse(rendered, TOOLS).tool_calls == calls
    written = form.write(Action("", calls), TOOLS)
    assert form.parse(written, TOOLS).tool_calls == calls


@pytest.mark.parametrize(("name", "text"), FORMS)
def test_forms(name: str, text: str) -> None:
    [call] = dialect(name).parse(f"<think>\n{text}\n</think>\n\n{text}", TOOLS).tool_calls
    assert (call.name, call.arguments) == ("move", {"x": 1, "y": 2})
    assert dialect("hermes").parse(text, TOOLS).tool_calls[0].arguments == call.arguments


@pytest.mark.parametrize("name", ["hermes", "qwen3_coder", "glm45", "mistral", "pythonic"])
def test_a_call_between_backticks_is_shown_only(name: str) -> None:
    form = dialect(name)
    text = form.write(Action.call("move", x=1, y=2), TOOLS)
    assert form.parse(text, TOOLS).tool_calls
    assert form.parse(f"The form is `{text}`.", TOOLS).tool_calls == ()


@pytest.mark.parametrize("name", sorted({name for name, _ in FORMS}))
def test_a_mark_of_thought_in_an_argument_is_part_of_it(name: str) -> None:
    for text in ("<think>", "a</think>b", "<think>\nc\n</think>", "```\n</think>\n```"):
        action = Action("<think>I will.</think>", (ToolCall("python", {"code": text}),))
        [call] = dialect(name).parse(dialect(name).write(action, TOOLS), TOOLS).tool_calls
        assert call.arguments == {"code": text}


def test_ids_by_the_family() -> None:
    kimi, mistral = dialect("kimi_k2"), dialect("mistral_list")
    call = Action.call("move", x=1, y=2)
    assert "functions.move:0<|" in kimi.write(call, TOOLS)
    assert kimi.result_id("functions.move:7", "move") == "functions.move:7"
    assert '"id": "000000000"' in mistral.write(call, TOOLS)
    [read] = mistral.parse('[TOOL_CALLS][{"name": "wait", "id": "Ab3Ab3Ab3"}]', TOOLS).tool_calls
    assert read.id == "Ab3Ab3Ab3"
    twice = '[TOOL_CALLS][{"name": "wait", "id": "Ab3Ab3Ab3"}, {"name": "wait", "id": "Ab3Ab3Ab3"}]'
    assert len({c.id for c in mistral.parse(twice, TOOLS).tool_calls}) == 2
    assert all(len(mistral.result_id(i, "")) == 9 for i in ("", "0", "call_1", "ü", "x" * 40))


@pytest.mark.parametrize(
    "text",
    [
        'The row is\n{"name": "Rome", "population": 3}',
        "It prints\n[f(x) for x in xs]",
        'Write {"name": "wait", "parameters": {}} to wait.',
        "I use <function=NAME> for that, and [TOOL_CALLS] too: `<tool_call>`.",
    ],
)
def test_what_is_no_call(text: str) -> None:
    assert [c for c in dialect("llama3_json").parse(text, TOOLS).tool_calls if not c.error] == []


def test_marked_calls_count_before_bare_ones() -> None:
    bare = '{"name": "search", "parameters": {"query": "a"}}'
    marked = '<tool_call>{"name": "wait", "arguments": {}}</tool_call>'
    assert dialect("hermes").parse(f"{bare}\n{marked}", TOOLS).tool_calls == (ToolCall("wait", {}),)


def test_marks_that_change_no_reading_are_kept() -> None:
    """A demonstration in the words of a template that has one of another family's marks."""
    call = ToolCall("wait", {}, "0")
    action = Action(" to=user<|message|>I wait.", (call,))
    written = dialect("hermes").write(action, TOOLS)
    assert written.startswith(action.text)
    misread = Action('<tool_call>{"name": "wait"}</tool_call>', (call,))
    assert not dialect("hermes").write(misread, TOOLS).startswith(misread.text)


def test_several_bare_calls() -> None:
    text = '{"name": "wait", "parameters": {}}; {"name": "wait", "parameters": {}}'
    assert len(dialect("llama3_json").parse(text, TOOLS).tool_calls) == 2
    assert len(dialect("llama3_json").parse(text.replace("; ", "\n"), TOOLS).tool_calls) == 2


def test_code_after_the_tag_is_for_the_tool_that_takes_code() -> None:
    [call] = dialect("llama3_json").parse("<|python_tag|>print(1)<|eom_id|>", TOOLS).tool_calls
    assert call == ToolCall("python", {"code": "print(1)"})


def test_text_stays_text_where_the_tool_takes_it() -> None:
    text = "<parameter=query>1.50</parameter><parameter=top_k>2</parameter>"
    [call] = dialect("qwen3_coder").parse(f"<function=search>{text}</function>", TOOLS).tool_calls
    assert call.arguments == {"query": "1.50", "top_k": 2}


@pytest.mark.parametrize("before", [" ", "<think>a</think>", "<think>a</think> ", "a</think>"])
@pytest.mark.parametrize("bare", ['{"name": "wait", "parameters": {}}', "[wait()]"])
def test_a_bare_call_may_follow_a_thought_or_a_space(before: str, bare: str) -> None:
    assert dialect("hermes").parse(before + bare, TOOLS).tool_calls == (ToolCall("wait", {}),)


def test_a_parameter_that_begins_in_an_open_one_is_refused() -> None:
    text = "<parameter=query>\nRome\n<parameter=top_k>\n5\n</parameter>\n"
    [call] = dialect("hermes").parse(f"<function=search>{text}</function>", TOOLS).tool_calls
    assert "no </parameter>" in (call.error or "")


@pytest.mark.parametrize("written", ["9007199254740993.0", "12345678901234567890e0"])
def test_an_integer_keeps_its_digits(written: str) -> None:
    text = f'{{"name": "move", "parameters": {{"x": {written}, "y": "{written}"}}}}'
    [call] = dialect("hermes").parse(text, TOOLS).tool_calls
    wanted = int(written.removesuffix(".0").removesuffix("e0"))
    assert fit(call.arguments or {}, TOOLS[3].arguments) == {"x": wanted, "y": wanted}


def test_what_rounding_alone_makes_an_integer_is_refused() -> None:
    text = '{"name": "move", "parameters": {"x": 5.000000000000000001, "y": 1}}'
    [call] = dialect("hermes").parse(text, TOOLS).tool_calls
    with pytest.raises(ValueError, match=r"x: .*integer"):
        fit(call.arguments or {}, TOOLS[3].arguments)


def _rendered(template: str, calls: tuple[ToolCall, ...]) -> str:
    """An assistant's turn as the template writes it, its header cut off."""
    tokenizer = families.byte_tokenizer(families.source(template))

    def function(call: ToolCall) -> dict[str, Any]:
        arguments: Any = dict(call.arguments or {})
        if template in AS_TEXT:
            arguments = json.dumps(arguments)
        return {"name": call.name, "arguments": arguments}

    turns = [
        {"role": "user", "content": "?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"type": "function", "id": str(i), "function": function(c)}
                for i, c in enumerate(calls)
            ],
        },
    ]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    prompt = tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    start = prompt.partition("<think>")[0].rstrip()
    return text.removeprefix(start) if text.startswith(start) else text
