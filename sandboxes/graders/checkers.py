"""Checkers that compare a program's output with the expected output.

A tolerance is for decimal fractions alone: an integer, a bit string or a word with leading zeros
that is off by one is another answer, however many digits agree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Literal

Checker = Callable[[str, str, str], bool]
"""``checker(stdin, expected, output) -> right?``: trusted code, run by the host."""
Layout = Literal["lines", "words"]

_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_LONGEST_NUMBER = 400
_SPACE = " \t\r\f\v"
_WORD = re.compile(r"[^ \t\r\f\v\n]+")


def exact(stdin: str, expected: str, output: str) -> bool:
    """Compare character by character."""
    return output == expected


def lines(stdin: str, expected: str, output: str) -> bool:
    """Compare line by line, ignoring trailing white space and trailing empty lines."""
    return _lines(expected) == _lines(output)


def words(stdin: str, expected: str, output: str) -> bool:
    """Compare word by word, ignoring spaces and line breaks."""
    return _WORD.findall(expected) == _WORD.findall(output)


def numbers(tolerance: float, layout: Layout = "words") -> Checker:
    """Compare word by word, with a tolerance where a decimal fraction is expected.

    A decimal fraction has a point or an exponent and no leading zeros. All other words are compared
    to the letter: integers, bit strings, ``007``, ``nan``.

    Args:
        tolerance: Relative and absolute tolerance.
        layout: ``words`` ignores spaces and line breaks. ``lines`` requires the same number of
            lines, except for empty ones at both ends of the output; spaces inside a line of numbers
            are free, in any other line they count, except for white space at its end.
    """

    def by_words(stdin: str, expected: str, output: str) -> bool:
        return same(_WORD.findall(expected), _WORD.findall(output))

    def by_lines(stdin: str, expected: str, output: str) -> bool:
        want, got = _inner(_lines(expected)), _inner(_lines(output))
        return len(want) == len(got) and all(map(same_line, want, got))

    def same_line(want: str, got: str) -> bool:
        if want == got:
            return True
        wanted = _WORD.findall(want)
        if all(map(_is_number, wanted)):
            return same(wanted, _WORD.findall(got))
        return same(want.split(" "), got.split(" "))

    def same(want: list[str], got: list[str]) -> bool:
        return want == got or (len(want) == len(got) and all(map(close, want, got)))

    def close(want: str, got: str) -> bool:
        if want == got or not _is_fraction(want) or not _is_number(got):
            return want == got
        wanted, given = float(want), float(got)
        if math.isinf(wanted) or math.isinf(given):  # more than a float holds
            return False
        return math.isclose(wanted, given, rel_tol=tolerance, abs_tol=tolerance)

    return by_lines if layout == "lines" else by_words


def _is_number(word: str) -> bool:
    return len(word) <= _LONGEST_NUMBER and _NUMBER.match(word) is not None


def _is_fraction(word: str) -> bool:
    return _is_number(word) and not word.lstrip("+-").isdigit()


def _lines(text: str) -> list[str]:
    ended = text.rstrip(_SPACE + "\n")
    return [line.rstrip(_SPACE) for line in ended.split("\n")]


def _inner(text: list[str]) -> list[str]:
    """Drop leading empty lines; the trailing ones are gone already."""
    first = next((number for number, line in enumerate(text) if line), len(text))
    return text[first:]
