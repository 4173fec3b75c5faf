"""Reading costs what the text is long, whatever a model or an attacker writes."""

from __future__ import annotations

import time

import pytest

from envgym.chat.dialects import Hermes, dialect
from envgym.chat.dialects.family import Family
from tests.envgym.chat.dialects.tools import TOOLS

# Each would take a careless parser or expression from opener to opener, or from space to space.
PIECES = {
    "openers": "<tool_call>",
    "half-open calls": '<tool_call>{"name": ',
    "openers in strings": '<tool_call>{"a": "',
    "closers": "</tool_call>",
    "empty calls": "<tool_call></tool_call>",
    "doubled calls": '<tool_call><tool_call>{"name": "wait", "arguments": {}}</tool_call>',
    "escapes": '\\"',
    "braces": "{",
    "objects": '{"a":',
    "brackets": "<",
    "tags": "<search>",
    "tag ends": "</search>",
    "calls in tags": "<search>a</search>",
    "ticks": "`",
    "fences": "```\n",
    "opened blocks": "```python\n",
    "blocks": "```python\nx\n```\n",
    "spaces": " ",
    "lines": "\n",
    "digits": "9",
    "unquoted keys": "<tool_call>{a:",
    "one quote in another": """<tool_call>{a:'"',b:' \"""",
    "comments": "<tool_call>{//",
    "bare objects": '{"name": "search", "parameters": {"query": "\n',
    "bare names": '\n{"name":',
    "bare lists": "\n[search(query=",
    "functions": "<function=search>",
    "parameters": "<function=search><parameter=query>",
    "parameter ends": "</parameter>",
    "keys": "<tool_call>search<arg_key>query</arg_key><arg_value>",
    "tokens": "<｜tool▁call▁begin｜>search<｜tool▁sep｜>{",
    "invocations": '<｜DSML｜invoke name="search"><｜DSML｜parameter name="query">',
    "lists": '[TOOL_CALLS][{"name": "',
    "named": "[TOOL_CALLS]search[ARGS]{",
    "ids": "<|tool_call_begin|>functions.search:0<|tool_call_argument_begin|>{",
    "messages": "<|channel|>commentary to=functions.search<|message|>{",
    "comments in blocks": "<tool_call>{/*",
    "python": "<|python_tag|>",
    "python lists": "<|python_start|>[search(query='",
    "thoughts": "<think>",
    "thoughts' ends": "</think>",
    "thoughts in quotes": '"<think>"',
    "ends of turns": "<|end|>",
}
STARTS = ("", "<tool_call>", '<tool_call>{"name": "', "<search>", "```", "```python\n")
every = pytest.mark.parametrize("name", ["code", "hermes", "tags"])  # families read as hermes does
awkward = pytest.mark.parametrize("kind", PIECES)


@every
@pytest.mark.parametrize("kind", ["half-open calls", "one quote in another", "parameters", "tags"])
def test_a_megabyte_is_read(name: str, kind: str) -> None:
    """A generous bound, which quadratic work would miss by hours."""
    piece = PIECES[kind]
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()
    dialect(name).parse(text, TOOLS)
    assert time.process_time() - began < 30


@every
@awkward
def test_four_times_the_text_takes_no_sixteen_times_as_long(name: str, kind: str) -> None:
    """Processor time, for want of a count: nothing tells how many steps an expression took.

    Linear work takes 4 times as long, quadratic work 16; at this size it would take minutes.
    """
    form = dialect(name)

    def spent(size: int) -> float:
        text = "".join(s + PIECES[kind] * (size // len(PIECES[kind])) + "\n" for s in STARTS)
        began = time.process_time()
        form.parse(text, TOOLS)
        form.neutralise(text, TOOLS)
        return time.process_time() - began

    # In turn, and the least of each: other work on the machine only adds.
    times = [(spent(20_000), spent(5_000)) for _ in range(5)]
    assert min(long for long, _ in times) / max(min(short for _, short in times), 1e-3) < 10


def test_each_of_many_calls_is_read() -> None:
    calls = "<tool_call></tool_call>" * 20_000
    assert len(dialect("hermes").parse(calls, TOOLS).tool_calls) == 20_000
    assert len(dialect("code").parse("```python\nx\n```\n" * 10_000, TOOLS).tool_calls) == 10_000


def test_families_read_with_one_reader() -> None:
    assert all(cls.parse is Hermes.parse for cls in Family.__subclasses__())
