"""Quantities: a value with a unit behind it or a currency before it."""

from __future__ import annotations

import re
from fractions import Fraction

from envgym.environments.puzzles.math.answers.nodes import Formula
from envgym.environments.puzzles.math.answers.numbers import rational
from envgym.environments.puzzles.math.answers.units import Unit, unit

CURRENCY = re.compile(r"\s*((?:US)?\s*\\text\{dollars?\}|USD(?=\s*\d)|[€£¥])\s*(?=[\d.(\\-])")
_UNIT = re.compile(
    r"\s*\\?%|\s*\^\s*\{?\s*\\circ\s*\}?|\s*\\text\s*\{(?=[^{}]*[a-zA-Z€%°])"
    r"|(?:(?<=[\d})])|\s)\s*[a-zA-Z]"
)
_UNIT_TAIL = re.compile(
    r"(?:\\?%|\^\s*\{?\s*\\circ\s*\}?|\\text\s*\{[^{}]*\}|\^\s*\{?-?\d\}?|[a-zA-Z /.()]|\\cdot)+\Z"
)
_BASED = re.compile(r"(\d[\dA-Z]*)\s*_\s*\{?\s*(?:\\text\s*\{)?\s*(\d{1,2}|[a-z]+)\s*\}*")
_BASES = (
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
"""Names of bases, from 2 on, for numerals like ``101_{2}`` and ``17_{\\text{eight}}``."""
_MAX_CHARS = 80
"""Maximum length of a unit's text in characters."""
_VARIABLE = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]")


def quantity(text: str) -> Formula:
    """Formula with its unit; without a unit, the whole text."""
    if based := _numeral(text):
        return based
    if sign := CURRENCY.match(text):
        value = re.sub(r" (?:per|an?|each)(?: [a-z]+)?\Z", "", text[sign.end() :].strip())
        return Formula(
            value, rational(value), unit(r"\text{dollars}" if sign[1][-1] in "}D" else sign[1])
        )
    for found in _UNIT.finditer(text, max(0, len(text) - _MAX_CHARS)):
        value, behind = text[: found.start()].rstrip(), text[found.start() :]
        while behind[:1].isspace() and behind[1:2].isspace():
            behind = behind[1:]
        if not value or not _UNIT_TAIL.fullmatch(behind.strip()):
            continue
        letters = "\\text" not in behind and behind.strip()[0].isalpha()
        number = rational(value)
        if letters and number is None and _VARIABLE.search(value):
            continue
        if (known := unit(behind)) is not None:
            factor = letters and len(behind) == 1
            return Formula(value, number, known, text if factor else "")
    return Formula(text, rational(text))


def _numeral(text: str) -> Formula | None:
    """Numeral with its base, which is treated like a unit."""
    found = _BASED.fullmatch(text)
    if found is None or not (found[2].isdigit() or found[2] in _BASES):
        return None
    base = found[2] if found[2].isdigit() else str(_BASES.index(found[2]) + 2)
    digits = found[1]
    if any(int(digit, 36) >= int(base) for digit in digits):
        return None
    value = rational(digits) if digits.isdigit() else None
    return Formula(rf"\text{{{digits}}}", value, Unit(((f"base {base}", 1),), Fraction(1)))
