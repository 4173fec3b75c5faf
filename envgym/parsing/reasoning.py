"""Reasoning blocks in a model's text, separated from its content.

Chat templates of reasoning models put thoughts between marks of their own. Nothing in a thought is
an answer or a tool call; every reader of a message's text takes `content` of it.

A text is read from its start, and what opens first encloses what follows: a mark inside a tool
call's argument is part of that call (`envgym.chat.dialects` reads it so), and a call inside a
thought is thought. A mark between quotes or backticks is only mentioned.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MARKS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),  # Qwen3, DeepSeek-R1, GLM, Nemotron
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),  # Exaone Deep, Marco-o1
    ("<thoughts>", "</thoughts>"),
    ("<reason>", "</reason>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),  # Reflection
    ("<scratchpad>", "</scratchpad>"),
    ("<scratch_pad>", "</scratch_pad>"),  # Hermes 2 Pro
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("<longcat_think>", "</longcat_think>"),  # LongCat
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, OpenThinker
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<unused94>thought", "<unused95>"),  # MedGemma
    ("<|channel|>analysis<|message|>", "<|end|>"),  # gpt-oss
)
"""Opening and closing marks, by the families that write them; in small or capital letters."""

_END_OF_TURN = "<|end|>"  # at a text's end it ends a turn, in other families as well
_CLOSE = {opening.lower(): end for opening, end in MARKS}


def _either(*marks: str) -> str:
    """A regular expression of the marks; a tag may hold a space before its last bracket."""
    return f"(?i:{'|'.join(re.sub('>$', ' ?>', re.escape(mark)) for mark in marks)})"


def _key(mark: str) -> str:
    """A mark of a text as `_CLOSE` has it."""
    return mark.lower().replace(" >", ">")


MARK = _either(*(mark for pair in MARKS for mark in pair))
"""Any mark, as a regular expression."""
_ANY = re.compile(f"(?P<thought>{MARK})")
_PAIR = {opening.lower(): re.compile(_either(opening, end)) for opening, end in MARKS}
_LONE_CLOSE = re.compile(rf"^[ \t]*{_either(*(end for _, end in MARKS))}[ \t]*$", re.M)
_QUOTES = frozenset("`\"'")


def reasoning_spans(
    text: str,
    pattern: re.Pattern[str] = _ANY,
    enclosed: Callable[[re.Match[str]], int] | None = None,
) -> list[tuple[int, int]]:
    """Start and end of each reasoning block, marks included, in order; linear in the text's length.

    A block that is never closed goes on to the end. A closing mark before any opening one closes a
    block that the prompt opened: it begins at the start of the text. Where a block holds another
    opening mark, it goes on to the second closing one if there is one.

    Args:
        pattern: The marks, as its group ``thought``, and the beginnings of what may enclose marks.
        enclosed: Gives the position to continue from after such a beginning, outside a thought.
    """
    spans: list[tuple[int, int]] = []
    position = nested = 0
    while (mark := pattern.search(text, position)) is not None:
        position = mark.end()
        if mark["thought"] is None:
            position = max(position, enclosed(mark) if enclosed else position)
        elif is_mentioned(text, mark.start(), mark.end()):
            continue
        elif _key(mark["thought"]) in _CLOSE:
            position, nested = _end_of_block(text, mark)
            spans.append((mark.start(), position))
        elif not spans:
            if _key(mark["thought"]) != _END_OF_TURN or text[position:].strip():
                spans.append((0, position))
        elif nested:
            nested -= 1
            spans[-1] = (spans[-1][0], position)
    return spans


def content(text: str) -> str:
    """Remove the reasoning blocks of a text."""
    kept, position = [], 0
    for start, end in reasoning_spans(text):
        kept.append(text[position:start])
        position = end
    return "".join([*kept, text[position:]])


def left_open(text: str) -> str | None:
    """Closing mark that the text's last reasoning block lacks; None where none is lacking."""
    spans = reasoning_spans(text)
    if not spans or spans[-1][1] < len(text):
        return None
    start = spans[-1][0]
    opening = _ANY.match(text, start)
    if opening is None or _key(opening[0]) not in _CLOSE:
        return None
    closing = _CLOSE[_key(opening[0])]
    return None if _key(text).endswith(_key(closing)) else closing


def ends_thought(text: str) -> bool:
    """Test for a closing mark on a line of its own with no opening mark before it.

    Such a line in a block of code closes the thought in which that block was left open.
    """
    closing = _LONE_CLOSE.search(text)
    return closing is not None and not any(
        _key(mark["thought"]) in _CLOSE for mark in _ANY.finditer(text, 0, closing.start())
    )


def is_mentioned(text: str, start: int, end: int) -> bool:
    """Test that the mark there stands between quotes or backticks: mentioned, not used."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return before in _QUOTES and after in (before, "\\") if before and after else False


def _end_of_block(text: str, opening: re.Match[str]) -> tuple[int, int]:
    """End of a block, and the number of further opening marks in it."""
    nested, key = 0, _key(opening["thought"])
    for mark in _PAIR[key].finditer(text, opening.end()):
        if is_mentioned(text, mark.start(), mark.end()):
            continue
        if _key(mark[0]) != key:
            return mark.end(), nested
        nested += 1
    return len(text), 0
