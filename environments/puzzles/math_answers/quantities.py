"""A value with the unit behind it, or the currency before it."""

from __future__ import annotations

import re

from envgym.environments.puzzles.math_answers.nodes import Formula
from envgym.environments.puzzles.math_answers.numbers import rational
from envgym.environments.puzzles.math_answers.units import unit

CURRENCY = re.compile(r"\s*(\\text\{dollars?\}|[€£¥])\s*(?=[\d.(\\-])")
_UNIT = re.compile(
    r"\s*\\?%|\s*\^\s*\{?\s*\\circ\s*\}?|\s*\\text\s*\{(?=[^{}]*[a-zA-Z€%°])"
    r"|(?:(?<=[\d})])|\s)\s*[a-zA-Z]"
)
_UNIT_TAIL = re.compile(
    r"(?:\\?%|\^\s*\{?\s*\\circ\s*\}?|\\text\s*\{[^{}]*\}|\^\s*\{?-?\d\}?|[a-zA-Z /.]|\\cdot)+\Z"
)
_MAX_CHARS = 80
"""Of a unit as it is written."""
_VARIABLE = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]")


def quantity(text: str) -> Formula:
    """The formula with its unit; of a text without one, all of it."""
    if sign := CURRENCY.match(text):
        value = text[sign.end() :].strip()
        return Formula(
            value, rational(value), unit(r"\text{dollars}" if "text" in sign[1] else sign[1])
        )
    for found in _UNIT.finditer(text, max(0, len(text) - _MAX_CHARS)):
        value, behind = text[: found.start()].rstrip(), text[found.start() :]
        while behind[:1].isspace() and behind[1:2].isspace():
            behind = behind[1:]
        if not value or not _UNIT_TAIL.fullmatch(behind.strip()):
            continue
        letters = "\\text" not in behind and behind.strip()[0].isalpha()
        if letters and _VARIABLE.search(value):
            continue
        if (known := unit(behind)) is not None:
            factor = letters and len(behind) == 1
            return Formula(value, rational(value), known, text if factor else "")
    return Formula(text, rational(text))
