"""Boxed answers in a message: ``\\boxed{42}``, ``\\fbox{42}``, ``\\boxed 42``.

Linear time for any text; nested boxes count as the outermost one.
"""

from __future__ import annotations

import re

_OPEN = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BARE = re.compile(r"\\[a-zA-Z]+|[-+]?[\w.,/]*\w|\S")
MAX_CHARS = 1_000
"""Maximum length of a box's content; a longer one is cut one character above it and rejected."""


def boxes(text: str) -> list[str]:
    """Contents of all closed boxes, in order."""
    ends = _closing(text) if opens(text) else {}
    found, position = list[str](), 0
    while opened := _OPEN.search(text, position):
        position = opened.end()
        if text.startswith("{", position):
            end = ends.get(position)
            if end is None:
                continue
            found.append(text[position + 1 : end][: MAX_CHARS + 1].strip())
            position = end + 1
        elif bare := _BARE.match(text, position):
            found.append(bare[0])
            position = bare.end()
    return found


def opens(text: str) -> bool:
    """Return whether a text contains the start of a box."""
    return _OPEN.search(text) is not None


def last_boxed(text: str) -> str | None:
    """Content of the last box, or None."""
    found = boxes(text)
    return found[-1] if found else None


def _closing(text: str) -> dict[int, int]:
    """Position of the closing brace per opening brace; escaped braces are characters."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for mark in _BRACE.finditer(text):
        if mark[0] == "{":
            opened.append(mark.start())
        elif mark[0] == "}" and opened:
            ends[opened.pop()] = mark.start()
    return ends
