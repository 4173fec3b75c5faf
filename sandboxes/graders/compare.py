"""Is this answer the expected one? Wire forms are compared, by the host, type by type."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from envgym.sandboxes.graders.inbox.values import decode, dump


@dataclass(frozen=True)
class Equality:
    """When an answer counts as the expected value.

    Types are equal or the answer is wrong: True is not 1, 2.0 is not 2, a tuple is no list. NaN
    equals NaN. Members of sets and keys of dicts are compared exactly, in any order.

    Attributes:
        tolerance: Relative and absolute tolerance of floats; above 0, an int may stand for a float.
        tuples_are_lists: For rows out of JSON, which has no tuples.
    """

    tolerance: float = 0.0
    tuples_are_lists: bool = False

    def __call__(self, want: Any, got: Any) -> bool:
        """Whether two checked wire forms are equal."""
        if isinstance(want, list) and isinstance(got, list):
            return len(want) == len(got) and all(map(self, want, got))
        wanted, given = _number(want), _number(got)
        if wanted is not None and given is not None:
            if self.tolerance:
                return _near(wanted, given, self.tolerance)
            same_type = isinstance(wanted, float) == isinstance(given, float)
            return same_type and (wanted == given or want == got)
        if not isinstance(want, dict) or not isinstance(got, dict):
            if self.tuples_are_lists and _series(want) is not None and _series(got) is not None:
                return self(_series(want), _series(got))
            return type(want) is type(got) and bool(want == got)
        ((tag, body),), ((other, its)) = want.items(), *got.items()
        if tag != other or (isinstance(body, list) and len(body) != len(its)):
            return False
        if tag in ("t", "c"):
            return all(map(self, body, its))
        if tag in ("s", "z"):
            return sorted(map(_key, body)) == sorted(map(_key, its))
        if tag == "d":
            pairs = {_key(key): item for key, item in its}
            keys = {_key(key): item for key, item in body}
            return keys.keys() == pairs.keys() and all(
                self(item, pairs[key]) for key, item in keys.items()
            )
        return bool(body == its)


def _number(wire: Any) -> int | float | None:
    if isinstance(wire, dict) and wire.keys() <= {"i", "f"}:
        number: int | float = decode(wire)
        return number
    return wire if isinstance(wire, int | float) and not isinstance(wire, bool) else None


def _near(want: int | float, got: int | float, tolerance: float) -> bool:
    if isinstance(want, int) and isinstance(got, int):
        return want == got
    try:
        want, got = float(want), float(got)
    except OverflowError:
        return False
    if math.isnan(want):
        return math.isnan(got)
    return math.isclose(want, got, rel_tol=tolerance, abs_tol=tolerance)


def _series(wire: Any) -> list[Any] | None:
    found: list[Any] | None = wire.get("t") if isinstance(wire, dict) else wire
    return found if isinstance(found, list) else None


def _key(wire: Any) -> str:
    """Equal for equal members, and no more: sets inside sets are put in order."""
    if isinstance(wire, dict):
        ((tag, body),) = wire.items()
        if tag == "z":
            return f"z{sorted(map(_key, body))}"
        if tag == "t":
            return f"t{list(map(_key, body))}"
    return dump(0.0 if wire == 0 and isinstance(wire, float) else wire)


def show(wire: Any, limit: int = 300) -> str:
    """A wire form as Python would print the value, cut to `limit` characters."""
    text = _show(wire)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _show(wire: Any) -> str:
    if isinstance(wire, list):
        return f"[{', '.join(map(_show, wire))}]"
    if not isinstance(wire, dict):
        return repr(wire)
    ((tag, body),) = wire.items()
    if tag == "d":
        return "{" + ", ".join(f"{_show(key)}: {_show(item)}" for key, item in body) + "}"
    if tag == "t":
        return f"({', '.join(map(_show, body))}{',' if len(body) == 1 else ''})"
    if tag in ("s", "z"):
        inside = ", ".join(map(_show, body))
        plain = f"{{{inside}}}" if body else "set()"
        return plain if tag == "s" else f"frozenset({plain if body else ''})"
    if tag == "i" and len(body) > 2000:
        return body  # printing it in decimal would take time quadratic in its length
    return repr(decode(wire))
