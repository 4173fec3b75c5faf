"""Units behind a number: synonyms and conversion factors.

Covers lengths, masses, times, volumes, angles and money in common spellings. Any other word is a
unit of its own ("apples"), equal to itself in singular and plural.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_TABLE = """
length: mm millimeter millimetre =1/1000; cm centimeter centimetre =1/100; dm decimeter =1/10
length: nm nanometer nanometre =1/1000000000; um micrometer micrometre =1/1000000
length: m meter metre =1; km kilometer kilometre =1000
length: in inch inches =254/10000; ft foot feet =3048/10000; yd yard =9144/10000
length: mi mile =1609344/1000
mass: mg milligram =1/1000000; g gram gm =1/1000; kg kilogram =1; t ton tonne =1000
mass: lb lbs pound =45359237/100000000; oz ounce =45359237/1600000000
time: ms millisecond =1/1000; s sec second =1; min minute =60; h hr hour =3600; day =86400
time: week =604800; month =2629746; yr year =31556952
volume: ml milliliter millilitre =1/1000000; L l liter litre =1/1000
money: cent =1/100; dollar usd buck =1
angle: ° degree deg =1; rad radian =0
ratio: % percent pct percentage =1/100
energy: J joule =1; kJ kilojoule =1000
force: N newton =1
power: W watt =1; kW kilowatt =1000
resistance: ohm =1; kohm =1000; Mohm =1000000
frequency: Hz hertz =1
temperature: K kelvin =1
celsius: degreesC celsius =1
fahrenheit: degreesF fahrenheit =1
euro: € euro eur =1
"""
# fmt: off
_NOT_UNITS = frozenset((
    "or", "and", "not", "is", "no", "but", "if", "maybe", "either", "to", "than", "plus", "minus",
    "times", "over", "divided", "mod", "then", "so", "squared", "cubed", "factorial", "point",
    "dozen", "half", "halves", "third", "thirds", "quarter", "quarters", "fourths", "fifths",
    "tenths", "hundredths", "double", "twice", "triple", "root", "power", "wrong", "right",
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve"),
    "negative", "positive", "more", "less", *"abcdefiknpqruvwxyz", "pi",
))
# fmt: on
_AHEAD = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_BETWEEN = ("\\cdot", ".", "of", "the")
_MAX_CHARS, _MAX_POWER = 60, 9
_TWO_LETTERS = re.compile("[a-zA-Z]{2}")
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_SPEEDS = re.compile(r"\b(?:mph|kmph|kph|kmh)\b")
_BELOW = re.compile(r"/\s*\(([^()]*)\)")
_WORD = re.compile(r"[a-zA-Z€]+|°|\\?%|\^\s*\\circ|\^\s*\{?\s*(-?\d)\s*\}?|/|\\cdot|\S")


@dataclass(frozen=True)
class Unit:
    """Product of powers of dimensions ("length", or a word), and its factor to base units."""

    powers: tuple[tuple[str, int], ...]
    size: Fraction


def _table() -> dict[str, tuple[str, Fraction]]:
    known = {}
    for line in _TABLE.strip().splitlines():
        kind, _, entries = line.partition(": ")
        for entry in entries.split("; "):
            names, _, size = entry.partition("=")
            for name in names.split():
                known[name] = (kind if size != "0" else name, Fraction(size) or Fraction(1))
    return known


KNOWN = _table()
PERCENT = Unit((("ratio", 1),), Fraction(1, 100))


def unit(text: str) -> Unit | None:
    r"""Unit of a text behind a number: ``\text{cm}^2``, ``km/h``, ``\%``, ``apples``.

    None where it is none: ``x``, or words that are no unit and not set as text.
    """
    worded = "\\text" in text or (text[:1].isspace() and bool(_TWO_LETTERS.search(text)))
    plain = _TEXT.sub(r" \1 ", text).strip()
    plain = _BELOW.sub(
        lambda below: "/" + re.sub(r"(?:\s|\\cdot|\*)+", "/", below[1].strip()), plain
    )
    plain = _SPEEDS.sub(lambda speed: "mile/hour" if speed[0] == "mph" else "km/hour", plain)
    factors = _factors(plain) if 0 < len(plain) <= _MAX_CHARS else None
    if not factors or not all(worded or _known(word) for word, _ in factors):
        return None
    powers: dict[str, int] = {}
    size = Fraction(1)
    for word, power in factors:
        kind, one = _known(word) or (_stem(word), Fraction(1))
        if kind == "volume":  # a litre is a cubic length
            kind, times = "length", 3
        else:
            times = 1
        powers[kind] = powers.get(kind, 0) + power * times
        size *= one**power
    held = sorted((kind, power) for kind, power in powers.items() if power)
    return Unit(tuple(held), size) if held else None


def _factors(text: str) -> list[tuple[str, int]] | None:
    """Words of a unit with their powers; None where something in it is no unit."""
    factors: list[tuple[str, int]] = []
    sign, ahead = 1, 1
    for found in _WORD.finditer(text):
        word = found[0]
        power = int(found[1]) if found[1] else {"squared": 2, "cubed": 3}.get(word)
        if power is not None:
            if not factors or abs(power) > _MAX_POWER:
                return None
            last, before = factors.pop()
            factors.append((last, before * power))
        elif word in ("/", "per"):
            sign = -1
        elif word.lower() in _AHEAD:
            ahead = _AHEAD[word.lower()]
        elif word not in _BETWEEN:
            if not _known(word) and (not word.isalpha() or word.lower() in _NOT_UNITS):
                return None
            factors.append((word, sign * ahead))
            ahead = 1
    return factors


def _known(word: str) -> tuple[str, Fraction] | None:
    word = {"\\%": "%"}.get(word, "°" if word.startswith("^") else word)
    for form in (
        word,
        word.lower(),
        word.lower().removesuffix("s"),
        word.lower().removesuffix("es"),
    ):
        if form in KNOWN and (len(form) > 1 or form == word):
            return KNOWN[form]
    return None


def _stem(word: str) -> str:
    lowered = word.lower()
    return lowered.removesuffix("s") if len(lowered) > 3 else lowered
