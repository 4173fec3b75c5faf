"""EvalPlus' own rules of agreement between an output and the reference's.

Runs beside the tests, in their sandbox. The rules are those of evalplus 0.3 (``eval/__init__.py``,
``eval/_special_oracle.py``; Apache-2.0) but for these, by which it pays for wrong answers: a
tolerance is for expected floats alone, and MBPP 295 may give 0 for numbers below 2 only.
"""

from __future__ import annotations

import math
from typing import Any

_RTOL = 1e-07  # as in numpy.allclose's call there
_ATOL = 1e-06  # for floats of rows whose atol is 0
_SETS = frozenset(
    {
        "similar_elements",
        "find_char_long",
        "common_in_nested_lists",
        "extract_singly",
        "larg_nnum",
        "intersection_array",
        "find_dissimilar",
        "Diff",
    }
)
_NOT_NONE = frozenset({"check_str", "text_match_three", "text_starta_endb"})


def evalplus_agrees(task_id: str, entry: str, args: Any, got: Any, want: Any, atol: float) -> bool:
    """Return whether an output is right.

    Args:
        task_id: ``HumanEval/3``, ``Mbpp/3``.
        entry: Name of the function: some have a rule of their own.
        args: Arguments of the call.
        got: Output of the solution.
        want: Output of the reference.
        atol: Absolute tolerance of floats.
    """
    if task_id.startswith("HumanEval") and entry == "find_zero":
        return abs(sum(c * math.pow(got, power) for power, c in enumerate(args[0]))) <= atol
    if task_id.startswith("Mbpp"):
        if entry in _SETS:
            return set(got) == set(want)
        if entry in _NOT_NONE:
            return _found(got) == _found(want)
        if entry == "sum_div" and got == 0 and args[0] < 2:
            return True
        if entry == "surface_Area" and abs(got - _surface_area(*args)) <= atol:
            return True
        if entry == "digit_distance_nums" and got == _digit_distance(*args):
            return True
    return _near(got, want, atol or _ATOL)


def _found(value: Any) -> bool:
    """Return whether a search found something: a match counts, None and False do not."""
    return value if isinstance(value, bool) else value is not None


def _near(got: Any, want: Any, atol: float) -> bool:
    if got == want:
        return True
    if type(got) is not type(want):
        return False
    if isinstance(want, float) and math.isnan(want):
        return math.isnan(got)
    if isinstance(want, (float, complex)):
        return abs(got - want) <= atol + _RTOL * abs(want) < math.inf
    if isinstance(want, (list, tuple)):
        many = range(len(want))
        return len(got) == len(want) and all(_near(got[i], want[i], atol) for i in many)
    if isinstance(want, dict):
        return got.keys() == want.keys() and all(_near(got[k], want[k], atol) for k in want)
    return False


def _surface_area(base: float, height: float) -> int:
    """Surface of a square pyramid, whose height MBPP 581 takes for the slant height."""
    return round(base**2 + 2 * base * math.sqrt((base / 2) ** 2 + height**2))


def _digit_distance(first: int, second: int) -> int:
    """Digit distance of MBPP 558, with the shorter number padded with zeros."""
    width = max(len(str(first)), len(str(second)))
    a, b = str(first).zfill(width), str(second).zfill(width)
    return sum(abs(int(a[i]) - int(b[i])) for i in range(width))
