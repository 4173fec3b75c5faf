"""Reasoning blocks in a model's text: what it thought, apart from what it says.

Chat templates of reasoning models put thoughts between marks of their own. Nothing in a thought is
an answer or a tool call; every reader of a message's text takes `content` of it.
"""

from __future__ import annotations

import re

MARKS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),  # Qwen3, DeepSeek-R1, GLM, Nemotron
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("<|channel|>analysis<|message|>", "<|end|>"),  # gpt-oss
)
"""Opening and closing marks, by the families that write them."""

_CLOSE = dict(MARKS)
_ANY = re.compile("|".join(re.escape(mark) for pair in MARKS for mark in pair))


def reasoning_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each reasoning block, marks included, in order; linear in the text.

    A block that is never closed goes on to the end. A closing mark before any opening one closes a
    block that the prompt opened: it begins at the start of the text.
    """
    spans: list[tuple[int, int]] = []
    opened: tuple[int, str] | None = None
    for mark in _ANY.finditer(text):
        if opened is not None:
            if mark[0] == opened[1]:
                spans.append((opened[0], mark.end()))
                opened = None
        elif mark[0] in _CLOSE:
            opened = (mark.start(), _CLOSE[mark[0]])
        elif not spans:
            spans.append((0, mark.end()))
    if opened is not None:
        spans.append((opened[0], len(text)))
    return spans


def content(text: str) -> str:
    """The text without its reasoning blocks."""
    kept, position = [], 0
    for start, end in reasoning_spans(text):
        kept.append(text[position:start])
        position = end
    return "".join([*kept, text[position:]])
