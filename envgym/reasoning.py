"""Reasoning blocks in a model's text: what it thought, apart from what it says.

Chat templates of reasoning models put thoughts between marks of their own. Nothing in a thought is
an answer or a tool call; every reader of a message's text takes `content` of it.

A text is read from its start, and what opens first encloses what follows: a mark inside a tool
call's argument is part of that call (the readers of `envgym.dialects` see to it), and a call inside
a thought is thought. A mark between quotes or backticks is only mentioned.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MARKS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),  # Qwen3, DeepSeek-R1, GLM, Nemotron
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # OpenThinker, Sky-T1
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("<|channel|>analysis<|message|>", "<|end|>"),  # gpt-oss
)
"""Opening and closing marks, by the families that write them."""

_END_OF_TURN = "<|end|>"  # at a text's end it ends a turn, in other families as well
_CLOSE = dict(MARKS)
MARK = "|".join(re.escape(mark) for pair in MARKS for mark in pair)
"""Any mark, as a regular expression."""
_ANY = re.compile(f"(?P<thought>{MARK})")
_PAIR = {opening: re.compile(f"{re.escape(opening)}|{re.escape(end)}") for opening, end in MARKS}
_LONE_CLOSE = re.compile(rf"^[ \t]*(?:{'|'.join(re.escape(end) for _, end in MARKS)})[ \t]*$", re.M)
_QUOTES = frozenset("`\"'")


def reasoning_spans(
    text: str,
    pattern: re.Pattern[str] = _ANY,
    enclosed: Callable[[re.Match[str]], int] | None = None,
) -> list[tuple[int, int]]:
    """Start and end of each reasoning block, marks included, in order; linear in the text.

    A block that is never closed goes on to the end. A closing mark before any opening one closes a
    block that the prompt opened: it begins at the start of the text. Where a block holds another
    opening mark, it goes on to the second closing one if there is one.

    Args:
        pattern: The marks, as its group ``thought``, and the beginnings of what may enclose marks.
        enclosed: Where to go on after such a beginning, outside a thought.
    """
    spans: list[tuple[int, int]] = []
    position = nested = 0
    while (mark := pattern.search(text, position)) is not None:
        position = mark.end()
        if mark["thought"] is None:
            position = max(position, enclosed(mark) if enclosed else position)
        elif is_mentioned(text, mark.start(), mark.end()):
            continue
        elif mark["thought"] in _CLOSE:
            position, nested = _end_of_block(text, mark)
            spans.append((mark.start(), position))
        elif not spans:
            if mark["thought"] != _END_OF_TURN or text[position:].strip():
                spans.append((0, position))
        elif nested:
            nested -= 1
            spans[-1] = (spans[-1][0], position)
    return spans


def content(text: str) -> str:
    """The text without its reasoning blocks."""
    kept, position = [], 0
    for start, end in reasoning_spans(text):
        kept.append(text[position:start])
        position = end
    return "".join([*kept, text[position:]])


def left_open(text: str) -> str | None:
    """The closing mark that the text's last reasoning block lacks, if it lacks one."""
    spans = reasoning_spans(text)
    if not spans or spans[-1][1] < len(text):
        return None
    start = spans[-1][0]
    opening = _ANY.match(text, start)
    if opening is None or opening[0] not in _CLOSE:
        return None
    closing = _CLOSE[opening[0]]
    return None if text.endswith(closing) else closing


def ends_thought(text: str) -> bool:
    """Whether a closing mark stands on a line of its own, and no opening one before it.

    Such a line in a block of code closes the thought in which that block was left open.
    """
    closing = _LONE_CLOSE.search(text)
    return closing is not None and not any(
        mark["thought"] in _CLOSE for mark in _ANY.finditer(text, 0, closing.start())
    )


def is_mentioned(text: str, start: int, end: int) -> bool:
    """Whether the mark there stands between quotes or backticks: a text about it, not the mark."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return before in _QUOTES and after in (before, "\\") if before and after else False


def _end_of_block(text: str, opening: re.Match[str]) -> tuple[int, int]:
    """Where a block ends, and how many more opening marks it holds."""
    nested = 0
    for mark in _PAIR[opening["thought"]].finditer(text, opening.end()):
        if is_mentioned(text, mark.start(), mark.end()):
            continue
        if mark[0] != opening["thought"]:
            return mark.end(), nested
        nested += 1
    return len(text), 0
