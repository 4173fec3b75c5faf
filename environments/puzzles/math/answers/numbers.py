"""Exact values of numerals: no rounding, any size.

``18``, ``-0.5``, ``1,000,000``, ``1{,}000``, ``3/4``, ``\\frac{3}{4}``, ``1 3/4``, ``4.5e33``,
``4.5 \\times 10^{33}``, ``10^{6}``, ``0.\\overline{3}``, ``5 million``.
"""

from __future__ import annotations

import re
from fractions import Fraction

_MAX_EXPONENT, _MAX_CHARS = 3_000, 1_100
"""Larger exponents are left to the judge process, whose time is limited."""
_DIGITS = r"(?:\d{1,3}(?:(?:,|\{,\}| )\d{3})+(?!\d)(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)"
_REPEATING = r"(?:\d+\.\d*(?:\\(?:overline|bar|dot)\s*\{\d+\}|\(\d+\)))"
_EXPONENT = r"\{\s*([-+]?\d+)\s*\}|([-+]?\d+)"
_POWER = rf"(?:\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*(?:{_EXPONENT})|[eE]([-+]?\d+))"
_SCALED = re.compile(rf"({_REPEATING}|{_DIGITS}){_POWER}?")
_TEN = re.compile(r"10\s*\^\s*(?:\{\s*([-+]?\d+)\s*\}|(\d+))")
_SLASH = re.compile(rf"\(?([-+]?{_DIGITS})\)?\s*/\s*\(?([-+]?{_DIGITS})\)?")
_FRAC = re.compile(rf"\\frac\s*\{{\s*([-+]?\s*{_DIGITS})\s*\}}\s*\{{\s*([-+]?\s*{_DIGITS})\s*\}}")
_MIXED = re.compile(r"(\d+)(?:\s+(\d+)\s*/\s*(\d+)|\s*\\frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\})")
_SIGNS = re.compile(r"\s*([-+])\s*")
_MAGNITUDE = re.compile(
    r"\s*(?:\\text\{\s*)?(hundred|thousand|million|billion|trillion)(?:\s*\})?\Z"
)
_MAGNITUDES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}


def rational(text: str) -> Fraction | None:
    """Value of a fully worked out number; None for anything else."""
    text = text.strip()
    if len(text) > _MAX_CHARS:
        return None
    scale = Fraction(1)
    if named := _MAGNITUDE.search(text):
        text, scale = text[: named.start()], Fraction(10 ** _MAGNITUDES[named[1]])
    text, sign = _unsigned(text)
    value = _unsigned_value(text)
    return None if value is None else sign * scale * value


def written(value: Fraction) -> str:
    """Rational number in LaTeX."""
    top, bottom = value.as_integer_ratio()
    return str(top) if bottom == 1 else rf"\frac{{{top}}}{{{bottom}}}"


def _unsigned(text: str) -> tuple[str, int]:
    """Strip one sign, inside or outside of parentheses around the whole."""
    sign = 1
    for _ in range(2):
        while len(text) > 1 and text[0] == "(" and text.find(")") == len(text) - 1:
            text = text[1:-1].strip()
        if _ == 0 and (found := _SIGNS.match(text)):
            sign, text = -1 if found[1] == "-" else 1, text[found.end() :]
    return text, sign


def _unsigned_value(text: str) -> Fraction | None:
    if found := _SCALED.fullmatch(text):
        exponent = int(next((e for e in found.groups()[1:] if e), "0")[:9])
        return None if abs(exponent) > _MAX_EXPONENT else _decimal(found[1]) * _ten(exponent)
    if found := _TEN.fullmatch(text):
        exponent = int((found[1] or found[2])[:9])
        return None if abs(exponent) > _MAX_EXPONENT else _ten(exponent)
    if found := _SLASH.fullmatch(text) or _FRAC.fullmatch(text):
        return _ratio(_signed(found[1]), _signed(found[2]))
    if found := _MIXED.fullmatch(text):
        top, bottom = found[2] or found[4], found[3] or found[5]
        part = _ratio(Fraction(int(top)), Fraction(int(bottom)))
        return None if part is None or part >= 1 else int(found[1]) + part
    return None


def _signed(text: str) -> Fraction:
    found = _SIGNS.match(text)
    value = _decimal(text[found.end() :] if found else text)
    return -value if found and found[1] == "-" else value


def _ratio(top: Fraction, bottom: Fraction) -> Fraction | None:
    return top / bottom if bottom else None


def _ten(exponent: int) -> Fraction:
    return Fraction(10**exponent) if exponent >= 0 else Fraction(1, 10**-exponent)


def _decimal(text: str) -> Fraction:
    text = re.sub(r"\{,\}|[, ]", "", text)
    fixed, repeated = re.fullmatch(r"([\d.]*)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    whole, _, part = fixed.partition(".")
    value = Fraction(int(whole or "0")) + (Fraction(int(part), 10 ** len(part)) if part else 0)
    if repeated:
        digits = re.sub(r"\D", "", repeated)
        value += Fraction(int(digits), (10 ** len(digits) - 1) * 10 ** len(part))
    return value
