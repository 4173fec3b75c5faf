"""Tokens of a formula with their bracket depth, and splitting at separators."""

from __future__ import annotations

import re
from collections.abc import Sequence

Token = tuple[int, str, int]
"""Position, text and bracket depth."""

_TOKEN = re.compile(
    r"\\(?:\{|\}|langle(?![a-zA-Z])|rangle(?![a-zA-Z]))|\\[a-zA-Z]+|\\.|.", re.DOTALL
)
_OPENING = {"(": "(", "[": "[", "{": "", "\\{": "{", "\\langle": "<"}
_CLOSING = {")": ")", "]": "]", "}": "", "\\}": "}", "\\rangle": ">"}
JOIN = re.compile(r"\s*,?\s*(?<![a-zA-Z\\])(?:and|or)(?![a-zA-Z])\s*", re.IGNORECASE)
_MATRIX = re.compile(
    r"\\begin\{([pbB]?matrix|smallmatrix|array)\}(?:\s*\{[clr|\s]*\})?(.*)\\end\{\1\}", re.DOTALL
)
GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)(?!,\d)")


def tokens_of(text: str) -> list[Token] | None:
    """Position, text and depth per token; a bracket has the depth outside. None if unbalanced."""
    out: list[Token] = []
    depth = 0
    for found in _TOKEN.finditer(text):
        word = found[0]
        if word in _CLOSING:
            depth -= 1
            if depth < 0:
                return None
        out.append((found.start(), word, depth))
        if word in _OPENING:
            depth += 1
    return out if not depth else None


def enclosed(tokens: Sequence[Token]) -> str | None:
    """Kind of the brackets around the whole text, or None."""
    first, last = tokens[0][1], tokens[-1][1]
    if first not in _OPENING or last not in _CLOSING or first == "{":
        return None
    if any(not level for _, word, level in tokens[1:-1]):
        return None
    return _OPENING[first] + _CLOSING[last]


def split(text: str, tokens: Sequence[Token], at: tuple[str, ...]) -> list[str]:
    """Parts between separators outside of all brackets."""
    cuts: list[tuple[int, int]] = []
    thousands = _thousands(text) if "," in at else set()
    spans = [m.span() for m in JOIN.finditer(text)] if "and" in at else []
    levels = {place: level for place, _, level in tokens}
    for place, word, level in tokens:
        if not level and word in at and place not in thousands:
            cuts.append((place, place + len(word)))
    cuts.extend(span for span in spans if not any(levels.get(p) for p in range(*span)))
    parts, position = [], 0
    for start, end in sorted(cuts):
        if start >= position:
            parts.append(text[position:start])
        position = max(position, end)
    parts.append(text[position:])
    kept = [part.strip() for part in parts if part.strip()]
    return kept or [text]


def _thousands(text: str) -> set[int]:
    """Positions of commas that group digits: all candidates where another comma is followed by a
    space, or where the text has no other comma.
    """
    grouping = {
        m.start() + n for m in GROUPED.finditer(text) for n, c in enumerate(m[0]) if c == ","
    }
    others = [m.start() for m in re.finditer(",", text) if m.start() not in grouping]
    spaced = all(text[place + 1 : place + 2].isspace() for place in others)
    wrapped = text[:1] in "([" or text[:2] == "\\{"
    return grouping if spaced and (others or not wrapped) else set()


def matrix(text: str) -> list[list[str]] | None:
    """Cells, by rows, of a text that is one matrix; None for other texts."""
    found = _MATRIX.fullmatch(text)
    if found is None or "\\begin" in found[2]:
        return None
    rows = [row.split("&") for row in found[2].strip().removesuffix("\\\\").split("\\\\")]
    return rows if len({len(row) for row in rows}) == 1 else None


def unwrapped(text: str) -> str:
    """Strip parentheses around one value."""
    while len(text) > 1 and text[0] == "(":
        tokens = tokens_of(text)
        if (
            tokens is None
            or enclosed(tokens) != "()"
            or len(split(text[1:-1], tokens_of(text[1:-1]) or [], (",", ";"))) > 1
        ):
            break
        text = text[1:-1].strip()
    return text
