"""JSON parser for model output: accepts what has one reading, refuses the rest with a fix.

A lexer writes each token as JSON and changes no letter of a string: raw line ends and tabs,
trailing commas, comments, single and triple quotes, ``True``/``False``/``None``, unquoted keys, and
escapes that JSON does not have (``\\d``, ``\\'``). The standard library then decodes that; strict
JSON it decodes as it stands. Nothing is ever added: a text that ends too early, a missing comma or
a quote inside a string has several readings and stays an error. (Libraries that repair JSON
complete truncated texts, drop one of two equal keys, and take minutes for a megabyte of brackets.)
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

MAX_DEPTH = 100  # of lists and objects in arguments; people's and models' stay under ten
_TOO_DEEP = f"it is nested deeper than {MAX_DEPTH}"
_SPACE = re.compile(r"\s*+")
_TOKEN = re.compile(
    r"""
      (?P<space>(?:\s++|(?://|\#)[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)++)
    | (?P<triple>"{3}(?:[^"\\]++|\\.|"(?!""))*+"{3}|'{3}(?:[^'\\]++|\\.|'(?!''))*+'{3})
    | (?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+"|'[^'\\]*+(?:\\.[^'\\]*+)*+')
    | (?P<number>-?[0-9][0-9.eE+-]*+)
    | (?P<word>-?[^\W\d][\w$]*+)
    | (?P<mark>[{}\[\],:])
    """,
    re.X | re.S,
)
_WORDS = {
    **{word: word for word in ("true", "false", "null", "NaN", "Infinity", "-Infinity")},
    "True": "true",
    "False": "false",
    "None": "null",
}
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|.)|["\x00-\x1f]', re.S)
_FIXES = {
    "Expecting value": "put a value there",
    "Expecting ',' delimiter": 'put a comma there, or write a quote inside a string as \\"',
    "Expecting ':' delimiter": "put a colon after the key",
    "Expecting property name": "write a key in double quotes there",
}


class BrokenJson(ValueError):
    """Error of a text that is not even nearly JSON: problem, line, column and fix.

    Attributes:
        looked_to: End of the part that was scanned, for parsers that bound their work.
    """

    def __init__(self, text: str, start: int, position: int, problem: str, fix: str = "") -> None:
        self.looked_to = position
        line = text.count("\n", start, position) + 1
        column = position - max(text.rfind("\n", start, position), start - 1)
        near = text[position : position + 20].split("\n")[0]
        where = f"line {line}, column {column}" + (f", at {near!r}" if near else ", at its end")
        super().__init__(f"{problem}: {where}" + (f"; {fix}" if fix else ""))


class WrittenFloat(float):
    """A float that keeps its spelling (``1.50``), for parameters of text."""

    letters: str

    def __new__(cls, letters: str) -> WrittenFloat:
        """Make the number that `letters` spell."""
        number = super().__new__(cls, letters)
        number.letters = letters
        return number

    @property
    def exact(self) -> int | float | str:
        """Exact integer of the spelling; the spelling itself where a float would round it."""
        number = Decimal(self.letters)
        if not self.is_integer():
            return float(self)
        return int(number) if number == number.to_integral_value() else self.letters


def read_json(text: str) -> Any:
    """Parse a whole text as JSON.

    Nesting is bounded by `MAX_DEPTH`. The decoder's own bound is the remaining stack, so the result
    would depend on the caller, and a value that just fits could not be written again.

    Raises:
        BrokenJson: It is broken, goes on after its end, or is nested deeper than `MAX_DEPTH`.
    """
    start = skip_space(text, 0)
    value, end = read_json_at(text, start)
    after = skip_space(text, end)
    if after < len(text):
        raise BrokenJson(text, start, after, "text follows the JSON", "end it there")
    return value


def read_json_at(text: str, start: int) -> tuple[Any, int]:
    """Parse the value that begins at `start`; return it and its end. Later text is not read.

    Raises:
        BrokenJson: No value can be read there; see `read_json`.
    """
    pieces, places, end = _as_json(text, start)
    strict = "".join(pieces)
    try:
        return _DECODER.decode(strict), end
    except json.JSONDecodeError as error:
        starts = [0]
        for piece in pieces[:-1]:
            starts.append(starts[-1] + len(piece))
        place = min(places[bisect_right(starts, error.pos) - 1], end - 1)
        problem = error.msg.removesuffix(" enclosed in double quotes")
        broken = BrokenJson(text, start, place, problem, _FIXES.get(problem, ""))
    except _TwiceError as twice:
        broken = BrokenJson(text, start, start, str(twice), "give it once")
    except RecursionError:
        broken = BrokenJson(text, start, start, _TOO_DEEP)
    except ValueError:  # Python's bound on the digits of an integer
        broken = BrokenJson(text, start, start, "a number has thousands of digits", "quote it")
    broken.looked_to = end
    raise broken


def skip_space(text: str, position: int) -> int:
    """First position from `position` on that holds no white space."""
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _as_json(text: str, start: int) -> tuple[list[str], list[int], int]:
    """The tokens from `start` on as JSON, their places, and where the value ends."""
    pieces: list[str] = []
    places: list[int] = []
    depth, position = 0, start
    while True:
        token = _TOKEN.match(text, position)
        if token is None:
            raise _no_token(text, start, position)
        kind, written, before = token.lastgroup, token[0], pieces[-1] if pieces else ""
        position = token.end()
        if kind == "space":
            continue
        if kind == "mark":
            depth += (written in "{[") - (written in "}]")
            if depth > MAX_DEPTH:
                raise BrokenJson(text, start, token.start(), _TOO_DEEP)
            if written in "}]" and before == "," and pieces[-2] not in ("{", "[", ",", ":"):
                del pieces[-1], places[-1]  # a trailing comma
        elif kind == "word":
            is_key = before in ("{", ",") and text.startswith(":", skip_space(text, position))
            if not is_key and written not in _WORDS:
                raise _no_word(text, start, token, before)
            written = json.dumps(written) if is_key else _WORDS[written]
        elif kind != "number":
            written = _quoted(text, start, token)
        pieces.append(written)
        places.append(token.start())
        if depth <= 0:
            return pieces, places, position


def _no_token(text: str, start: int, position: int) -> BrokenJson:
    sign = text[position : position + 1]
    if sign in ('"', "'") or text.startswith("/*", position):
        what = "a comment" if sign == "/" else "a string"
        broken = BrokenJson(text, start, position, f"{what} is not closed", "close it")
        broken.looked_to = len(text)
        return broken
    if not sign:
        return BrokenJson(text, start, position, "it is cut off", "write it to its last bracket")
    return BrokenJson(text, start, position, f"{sign!r} begins no value", "write JSON there")


def _no_word(text: str, start: int, token: re.Match[str], before: str) -> BrokenJson:
    place, cut = token.start(), token.end() == len(text)
    if cut:
        return BrokenJson(text, start, place, "it is cut off", "write it to its last bracket")
    if before.endswith('"'):
        problem = "a word after the end of a string"
        return BrokenJson(text, start, place, problem, 'write a quote inside a string as \\"')
    return BrokenJson(text, start, place, "a word without quotes", "put it in double quotes")


def _quoted(text: str, start: int, token: re.Match[str]) -> str:
    """A string of any quotes as JSON's, each of its letters kept."""
    width = 3 if token.lastgroup == "triple" else 1
    body, at, python = token[0][width:-width], token.start() + width, token[0][0] == "'"
    unknown = False

    def escape(found: re.Match[str]) -> str:
        nonlocal unknown
        sign = found[0]
        if sign[0] != "\\":
            return json.dumps(sign)[1:-1]
        if sign[1] in '"\\/bfnrt' or len(sign) > 2:
            return sign
        if sign[1] == "'":
            return "'"
        unknown = True
        if sign[1] in "xu0123456789\n\r" or (python and sign[1] in "avNU"):
            place = at + found.start()
            raise BrokenJson(text, start, place, "an escape with several readings", _BACKSLASH)
        return "\\" + sign

    written = _ESCAPE.sub(escape, body)
    doubtful = re.search(r"(?<!\\)(?:\\\\)*+\\[bf]", body) if unknown else None
    if doubtful is not None:  # beside \d a \b means a word's border, beside \alpha a \f is \frac
        raise BrokenJson(
            text, start, at + doubtful.end() - 2, "an escape with several readings", _BACKSLASH
        )
    return f'"{written}"'


_BACKSLASH = "write a backslash as two"


class _TwiceError(ValueError):
    """A key that stands twice in one object."""


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise _TwiceError(f"the key {twice!r} stands twice in one object")
    return value


def _float(letters: str) -> float:
    number = float(letters)
    return number if repr(number) == letters else WrittenFloat(letters)


_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_object, parse_float=_float)
