"""Equality of two formulas, parsed by math-verify's LaTeX grammar and evaluated by SymPy.

math-verify's grammar is used, its comparison is not, because it rounds (1/2^99 equals 1/2^98,
0.0010004 equals 0.001). Numbers are compared exactly at any size; formulas with letters are
compared at sample points and, where they agree at all of them, by SymPy.

Unbounded in time: call it in a judge process only.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import sympy
from latex2sympy2_extended import latex2sympy

_DECIMAL = re.compile(r"(?<![\d.])(\d*)\.(\d+)(?!\\overline)")
_IMAGINARY = re.compile(r"(?<![a-zA-Z\\_])i(?![a-zA-Z])")
_INDEX = re.compile(r"\\(?:sum|prod)|_\{?i|\bi\s*=")
_POINTS = tuple(
    sympy.Rational(*pair) for pair in ((7, 5), (-13, 11), (23, 7), (-2, 9), (3, 17), (31, 3))
)
_DIGITS = 60


def parsed(text: str) -> Any:
    """SymPy form of a formula, with decimals as fractions.

    Raises:
        Exception: It cannot be read; of any kind, as the grammar's readers raise.
    """
    return _parsed(_exact(text))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Any:
    found = latex2sympy(text, is_real=True, convert_degrees=False, normalization_config=None)
    constants = {sympy.Symbol("e", real=True): sympy.E}
    if _IMAGINARY.search(text) and not _INDEX.search(text):
        constants[sympy.Symbol("i", real=True)] = sympy.I
    return found.subs(constants) if isinstance(found, sympy.Basic | sympy.MatrixBase) else found


def same(gold: str, answer: str) -> bool:
    """Return whether two formulas are equal, or two equations or inequalities equivalent."""
    one, other = parsed(gold), parsed(answer)
    if isinstance(one, sympy.core.relational.Relational):
        return type(one) is type(other) and _same_relation(one, other)
    if isinstance(one, sympy.MatrixBase) or isinstance(other, sympy.MatrixBase):
        return _same_matrix(one, other)
    if not isinstance(one, sympy.Expr) or not isinstance(other, sympy.Expr):
        return bool(one == other)
    return one == other or _is_zero(one, other)


def _exact(text: str) -> str:
    def fraction(found: re.Match[str]) -> str:
        top = int((found[1] + found[2]) or "0")
        return rf"{{\frac{{{top}}}{{{10 ** len(found[2])}}}}}"

    return _DECIMAL.sub(fraction, text)


def _same_matrix(one: Any, other: Any) -> bool:
    if not (isinstance(one, sympy.MatrixBase) and isinstance(other, sympy.MatrixBase)):
        return False
    return one.shape == other.shape and all(
        a == b or _is_zero(a, b) for a, b in zip(one.flat(), other.flat(), strict=True)
    )


def _same_relation(one: Any, other: Any) -> bool:
    """Return whether one difference of sides is a constant multiple of the other (positive for
    inequalities).
    """
    first, second = sympy.expand(one.lhs - one.rhs), sympy.expand(other.lhs - other.rhs)
    if not first.free_symbols or first.free_symbols != second.free_symbols:
        return False
    ratio = sympy.cancel(first / second)
    if ratio.free_symbols:
        ratio = sympy.simplify(ratio)
    if ratio.free_symbols or not ratio.is_finite or ratio.is_zero:
        return False
    return isinstance(one, sympy.Eq) or bool(ratio.is_positive)


def _is_zero(one: sympy.Expr, other: sympy.Expr) -> bool:
    """Return whether the difference is zero."""
    names = sorted(one.free_symbols | other.free_symbols, key=str)
    if names and one.free_symbols != other.free_symbols:
        return bool(sympy.simplify(one - other) == 0)
    if not names:
        return _same_number(one, other)
    met = 0
    for shift in range(len(_POINTS)):
        at = {name: _POINTS[(shift + n) % len(_POINTS)] for n, name in enumerate(names)}
        values = [expr.subs(at).doit() for expr in (one, other)]
        if not all(
            value.is_number and value.is_finite and value.is_real is not False for value in values
        ):
            continue
        if not _same_number(*values):
            return False
        met += 1
    return met > 1 or bool(sympy.simplify(one - other) == 0)


def _counts(value: sympy.Expr, expr: sympy.Expr) -> bool:
    """Return whether a formula is defined at a point; a formula without i only where it is real."""
    defined = value.is_number and value.is_finite
    return bool(defined and (expr.has(sympy.I) or value.is_real is not False))


def _same_number(one: sympy.Expr, other: sympy.Expr) -> bool:
    """Exact for rational numbers, otherwise equal within `_DIGITS` digits."""
    one, other = one.doit(), other.doit()
    if one == other:
        return True
    if one.is_Rational and other.is_Rational:
        return False
    if not (one.is_finite and other.is_finite):
        return False
    difference = sympy.expand(one - other)
    if difference.is_Rational:
        return bool(difference == 0)
    try:
        difference.evalf(2, maxn=20 * _DIGITS, strict=True)
    except sympy.core.evalf.PrecisionExhausted:
        return True
    return bool(difference.evalf(_DIGITS, maxn=20 * _DIGITS) == 0)
