"""Verilog source as tokens: enough to hold it to rules, without parsing it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\n]|\\\n)+|//[^\n]*|/\*.*?\*/)
    |(?P<open>/\*.*)
    |(?P<text>"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x1f\x7f])*")
    |(?P<escaped>\\[^ \t\n]+)
    |(?P<directive>`[A-Za-z_]\w*)
    |(?P<system>\$[A-Za-z_$][\w$]*)
    |(?P<word>[A-Za-z_][\w$]*)
    |(?P<number>\d*[ \t]*'[sS]?[bodhBODH][ \t]*[0-9a-fA-FxXzZ?_]+|\d[\d_]*(?:\.\d[\d_]*)?)
    |(?P<sign>[!#-/:-@\[\]^`{-~])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Token(NamedTuple):
    """A token: its kind (a group of the pattern), its text, its line, from 1, and its place.

    An ``open`` one is a comment that never ends, an ``other`` one a character that begins nothing.
    """

    kind: str
    text: str
    line: int
    at: int


def tokens(source: str) -> Iterator[Token]:
    """The tokens of a source whose lines end in ``\\n``, white space and comments left out."""
    line = 1
    for match in _TOKEN.finditer(source):
        kind, text = match.lastgroup or "other", match[0]
        if kind != "space":
            yield Token(kind, text, line, match.start())
        line += text.count("\n")


def numbers(source: str, most: int = 256) -> list[int]:
    """The numbers that stand in a source, each once, at most `most` of them; x and z count as 0."""
    found: dict[int, None] = {}
    for token in tokens(source):
        if token.kind == "number" and len(token.text) <= _LONGEST:
            value = _number(token.text)
            if value is not None:
                found[value] = None
        if len(found) == most:
            break
    return list(found)


_LONGEST = 300
_BASES = {"b": 2, "o": 8, "d": 10, "h": 16}


def _number(text: str) -> int | None:
    _, quote, digits = text.lower().replace("_", "").replace(" ", "").partition("'")
    if not quote:
        return int(text.replace("_", "")) if text.replace("_", "").isdecimal() else None
    digits = digits.removeprefix("s")
    base = _BASES[digits[0]]
    try:
        return int(re.sub("[xz?]", "0", digits[1:].strip()), base)
    except ValueError:  # a digit that the base has not
        return None
