"""Reading costs what the text is long, whatever a model or an attacker writes."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import Any, SupportsIndex

import pytest

from envgym.dialects import DIALECTS, dialect

from .tools import TOOLS

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
}
STARTS = ("", "<tool_call>", '<tool_call>{"name": "', "<search>", "```", "```python\n")
every = pytest.mark.parametrize("name", sorted(DIALECTS))
awkward = pytest.mark.parametrize("kind", PIECES)


class Counted(str):
    """A text that counts its characters as they are looked at."""

    looked = 0

    def find(self, sub: str, start: Any = 0, end: Any = None) -> int:  # type: ignore[override]
        found = super().find(sub, start)
        self.looked += (found if found >= 0 else len(self)) - start
        return found

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        part = super().__getitem__(key)
        self.looked += len(part)
        return part


@awkward
@pytest.mark.parametrize("start", STARTS)
def test_hermes_looks_at_each_character_a_few_times(
    start: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = 0
    loads = json.loads

    def counting(text: str) -> Any:
        nonlocal decoded
        decoded += len(text)
        return loads(text)

    monkeypatch.setattr("envgym.dialects.base.json.loads", counting)
    text = Counted(start + PIECES[kind] * (40_000 // len(PIECES[kind])))
    dialect("hermes").parse(text, TOOLS)
    assert text.looked <= 4 * len(text)  # to the tag, past it, and the body
    assert decoded <= 2 * len(text)  # as one call, then as several


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

    # One after the other: a machine that is slow for a while is slow for both.
    assert median(spent(20_000) / max(spent(5_000), 1e-3) for _ in range(5)) < 10


def test_each_of_many_calls_is_read() -> None:
    calls = "<tool_call></tool_call>" * 20_000
    assert len(dialect("hermes").parse(calls, TOOLS).tool_calls) == 20_000
    assert len(dialect("code").parse("```python\nx\n```\n" * 10_000, TOOLS).tool_calls) == 10_000
