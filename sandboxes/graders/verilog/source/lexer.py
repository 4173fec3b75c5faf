"""Lexer of Verilog source: enough to check rules, without a parser."""

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
    """A token: kind (a group of the pattern), text, line from 1, and offset.

    ``open`` is an unterminated comment, ``other`` a character that begins no token.
    """

    kind: str
    text: str
    line: int
    at: int


def tokens(source: str) -> Iterator[Token]:
    """Tokenise a source with plain line ends, without white space and comments."""
    line = 1
    for match in _TOKEN.finditer(source):
        kind, text = match.lastgroup or "other", match[0]
        if kind != "space":
            yield Token(kind, text, line, match.start())
        line += text.count("\n")


def numbers(source: str, most: int = 256) -> list[int]:
    """Distinct numbers in a source, at most `most` of them; x and z count as 0."""
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
