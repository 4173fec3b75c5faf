"""Generated mathematics problems: numbers, fractions, sets, pairs and expressions.

Each topic draws the answer first, or computes it in exact arithmetic, and records the steps of the
solution. No problem shows a non-numeric expression equal to its answer, so that nothing can be
copied from it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

MAX_LEVEL = 5


@dataclass(frozen=True)
class Written:
    """Problem with its answer in LaTeX and the steps of its solution."""

    question: str
    answer: str
    steps: tuple[str, ...]


Topic = Callable[[random.Random, int], Written]
TOPICS: dict[str, Topic] = {}


def _topic(write: Topic) -> Topic:
    TOPICS[write.__name__.strip("_")] = write
    return write


def _nonzero(rng: random.Random, top: int) -> int:
    return rng.choice((-1, 1)) * rng.randint(1, top)


def _latex(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _poly(coefficients: list[int], name: str = "x") -> str:
    """Polynomial text, highest power first, without zero terms."""
    out = ""
    for power, c in zip(reversed(range(len(coefficients))), coefficients, strict=True):
        if c:
            number = "" if abs(c) == 1 and power else str(abs(c))
            letter = "" if not power else name if power == 1 else f"{name}^{{{power}}}"
            sign = ("-" if c < 0 else "") if not out else (" - " if c < 0 else " + ")
            out += f"{sign}{number}{letter}"
    return out or "0"


@_topic
def _arithmetic(rng: random.Random, level: int) -> Written:
    total, terms, steps = 0, list[str](), list[str]()
    for _ in range(level + 1):
        a, b = rng.randint(2, 9 + 10 * level), rng.randint(2, 9)
        sign = rng.choice((-1, 1)) if terms else 1
        total += sign * a * b
        terms.append(f"{'- ' if sign < 0 else '+ '}{a} \\cdot {b}")
        steps.append(f"{a} times {b} is {a * b}.")
    return Written(f"What is ${' '.join(terms)[2:]}$?", str(total), tuple(steps))


@_topic
def _linear(rng: random.Random, level: int) -> Written:
    a, c = _nonzero(rng, 3 + level), _nonzero(rng, 3 + level)
    if a == c:
        a += 2 if a > 0 or a < -2 else 3
    b, d = _nonzero(rng, 10 * level), _nonzero(rng, 10 * level)
    x = Fraction(d - b, a - c)
    return Written(
        f"Solve for $x$: ${_poly([a, b])} = {_poly([c, d])}$. Give $x$ exactly.",
        _latex(x),
        (
            "Bring the terms in x to one side and the numbers to the other.",
            f"That is {_poly([a - c, 0])} = {d - b}.",
        ),
    )


@_topic
def _quadratic(rng: random.Random, level: int) -> Written:
    p, q = rng.sample([n for n in range(-4 - 2 * level, 5 + 2 * level) if n], 2)
    a = rng.randint(1, level)
    return Written(
        f"Find all solutions of ${_poly([a, -a * (p + q), a * p * q])} = 0$. "
        "Give them separated by a comma.",
        f"{min(p, q)}, {max(p, q)}",
        (
            f"Divide by {a}: the solutions then have the sum {p + q} and the product {p * q}.",
            "Try pairs of whole numbers with that product.",
        ),
    )


@_topic
def _fractions(rng: random.Random, level: int) -> Written:
    parts = [Fraction(rng.randint(1, 9), rng.randint(2, 4 + 2 * level)) for _ in range(2)]
    common = math.lcm(*(p.denominator for p in parts))
    sums = " + ".join(_latex(p) for p in parts)
    tops = " and ".join(str(int(p * common)) for p in parts)
    return Written(
        f"What is ${sums}$? Give the answer in lowest terms.",
        _latex(sum(parts, Fraction(0))),
        (f"The common denominator is {common}.", f"The numerators become {tops}; add them."),
    )


@_topic
def _percent(rng: random.Random, level: int) -> Written:
    price, off, tax = (
        20 * rng.randint(2, 20 * level),
        5 * rng.randint(1, 12),
        10 * rng.randint(1, 4),
    )
    reduced = Fraction(price * (100 - off), 100)
    paid = reduced * (100 + tax) / 100 if level > 1 else reduced
    taxed = f" and is then taxed at {tax}%" if level > 1 else ""
    text = str(float(paid)) if paid.denominator > 1 else str(paid)
    return Written(
        f"A coat costs {price} crowns, is reduced by {off}%{taxed}. How many crowns is it now?",
        text,
        (
            f"Reduced by {off}%, {100 - off}% of the price are left.",
            *([f"The tax makes it {100 + tax}% of that."] if level > 1 else []),
        ),
    )


@_topic
def _derivative(rng: random.Random, level: int) -> Written:
    powers = [_nonzero(rng, 9) for _ in range(level + 2)]
    top = len(powers) - 1
    slope = [c * (top - i) for i, c in enumerate(powers[:-1])]
    return Written(
        f"Let $f(x) = {_poly(powers)}$. What is $f'(x)$?",
        _poly(slope),
        (
            "The derivative of x^n is n x^(n-1), and that of a constant is 0.",
            f"Its first term is {_poly([slope[0]] + [0] * (len(slope) - 1))}."
            if level > 1
            else "Take it term by term.",
        ),
    )


@_topic
def _pair(rng: random.Random, level: int) -> Written:
    x, y = _nonzero(rng, 3 + 2 * level), _nonzero(rng, 3 + 2 * level)
    while True:
        a, b, c, d = (_nonzero(rng, 2 + level) for _ in range(4))
        if a * d != b * c:
            break
    left = [
        f"{_poly([p, 0])} {'+' if q > 0 else '-'} {_poly([abs(q), 0], 'y')}"
        for p, q in ((a, b), (c, d))
    ]
    return Written(
        f"Solve ${left[0]} = {a * x + b * y}$ and ${left[1]} = {c * x + d * y}$. "
        "Give the ordered pair $(x, y)$.",
        f"({x}, {y})",
        (
            f"Multiply the first by {d} and the second by {b}, and subtract: y is gone.",
            f"That leaves {_poly([a * d - b * c, 0])} = {(a * d - b * c) * x}.",
        ),
    )


@_topic
def _remainder(rng: random.Random, level: int) -> Written:
    base, power, m = rng.randint(2, 9), rng.randint(3, 3 + 4 * level), rng.randint(5, 7 + 6 * level)
    first = pow(base, power // 2, m)
    return Written(
        f"What is the remainder when ${base}^{{{power}}}$ is divided by {m}?",
        str(pow(base, power, m)),
        (
            "Multiply step by step, and keep only remainders.",
            f"After {power // 2} factors the remainder is {first}.",
        ),
    )


@_topic
def _hypotenuse(rng: random.Random, level: int) -> Written:
    a, b = rng.randint(1, 4 + 3 * level), rng.randint(1, 4 + 3 * level)
    square = a * a + b * b
    root = max(n for n in range(1, math.isqrt(square) + 1) if square % (n * n) == 0)
    rest = square // (root * root)
    tail = f"\\sqrt{{{rest}}}" if rest > 1 else ""
    return Written(
        f"A right triangle has legs of {a} and {b}. How long is its hypotenuse, exactly?",
        (str(root) if root > 1 or not tail else "") + tail,
        (
            "By Pythagoras the square of the hypotenuse is the sum of the squares of the legs.",
            f"The squares are {a * a} and {b * b}.",
        ),
    )


@_topic
def _line(rng: random.Random, level: int) -> Written:
    slope, height = _nonzero(rng, 2 + level), _nonzero(rng, 5 * level)
    x, z = rng.sample(range(-3 - level, 4 + level), 2)
    return Written(
        f"A line goes through $({x}, {slope * x + height})$ and $({z}, {slope * z + height})$. "
        "Give $y$ on it in terms of $x$.",
        _poly([slope, height]),
        (
            "Divide the difference of the heights by that of the places: that is the slope.",
            f"The heights differ by {slope * (z - x)}, the places by {z - x}.",
        ),
    )
