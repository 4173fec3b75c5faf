from __future__ import annotations

import pytest

from envgym.chat.dialects import dialect
from envgym.messages import Action, ToolCall
from tests.envgym.chat.dialects.tools import TOOLS

CODE = dialect("code")


@pytest.mark.parametrize("info", ["python", "py", "verilog", "c++", "python title=a.py"])
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


def test_a_block_of_another_language_hides_no_call() -> None:
    only = [t for t in TOOLS if t.name == "answer"]
    text = "```c++\nint x;\n```\n```answer\nyes\n```"
    assert CODE.parse(text, only).tool_calls == (ToolCall("answer", {"text": "yes"}),)


def test_the_first_line_keeps_its_indent() -> None:
    text = "```answer\r\n  a\r\n  b\r\n```"
    assert CODE.parse(text, TOOLS).tool_calls == (ToolCall("answer", {"text": "  a\r\n  b"}),)


def test_a_fence_in_the_text_is_written_as_json() -> None:
    action = Action.call("answer", text="a\n```\nb")
    assert CODE.write(action, TOOLS) == '```answer\n{"text": "a\\n```\\nb"}\n```'


def test_a_name_in_capital_letters_is_that_tool() -> None:
    assert CODE.parse("```Answer\na\n```", TOOLS).tool_calls == (ToolCall("answer", {"text": "a"}),)


@pytest.mark.parametrize("info", ["text", "output", "Console", "diff"])
def test_a_block_of_output_is_no_program(info: str) -> None:
    assert CODE.parse(f"It prints:\n```{info}\n3\n```", TOOLS).tool_calls == ()
