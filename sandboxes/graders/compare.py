"""Is this answer the expected one? Wire forms are compared, by the host, type by type."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from envgym.sandboxes.graders.inbox.values import decode

_SERIES = ("t", "z")
"""Hashable series: what a set may hold, or a key be."""
_LONGEST_INT = 2000
"""Hexadecimal digits: to write more of them in decimal takes time quadratic in their number."""


@dataclass(frozen=True)
class Equality:
    """When an answer counts as the expected value.

    Types are equal or the answer is wrong: True is not 1, 2.0 is not 2, a tuple is no list. NaN
    equals NaN. Members of sets and keys of dicts are compared exactly, in any order.

    Attributes:
        tolerance: Relative and absolute tolerance where a float is expected. Above 0, an int and a
            float of one value are equal; where an int is expected, nothing near it is.
        tuples_are_lists: For rows out of JSON, which has no tuples.
        keys_are_texts: For rows out of JSON, whose keys are texts: an expected dict of such keys
            is met by one with the keys that JSON writes so (1, True, None).
    """

    tolerance: float = 0.0
    tuples_are_lists: bool = False
    keys_are_texts: bool = False

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
            return self._same_items(body, its)
        return bool(body == its)

    def _same_items(self, want: list[Any], got: list[Any]) -> bool:
        """Whether two dicts of one length are equal."""
        texts = self.keys_are_texts and all(isinstance(key, str) for key, _ in want)
        keys = {_key(key): item for key, item in want}
        pairs = {_key(_text_key(key) if texts else key): item for key, item in got}
        return keys.keys() == pairs.keys() and all(
            self(item, pairs[key]) for key, item in keys.items()
        )


def _number(wire: Any) -> int | float | None:
    if isinstance(wire, dict) and wire.keys() <= {"i", "f"}:
        number: int | float = decode(wire)
        return number
    return wire if isinstance(wire, int | float) and not isinstance(wire, bool) else None


def _near(want: int | float, got: int | float, tolerance: float) -> bool:
    if isinstance(want, int):
        return want == got  # by value: Python compares an int and a float exactly
    try:
        got = float(got)
    except OverflowError:
        return False
    if math.isnan(want):
        return math.isnan(got)
    return math.isclose(want, got, rel_tol=tolerance, abs_tol=tolerance)


def _series(wire: Any) -> list[Any] | None:
    found: list[Any] | None = wire.get("t") if isinstance(wire, dict) else wire
    return found if isinstance(found, list) else None


def _text_key(wire: Any) -> Any:
    """A dict's key as JSON writes it, where it does."""
    if wire is None or isinstance(wire, bool | int | float):
        return json.dumps(wire)
    if isinstance(wire, dict) and "i" in wire and len(wire["i"]) <= _LONGEST_INT:
        return str(decode(wire))
    return wire


def _key(wire: Any) -> str:
    """Equal for equal members, and no more: sets inside sets are put in order.

    What is inside is not quoted again: its own quotes tell where it ends, and quoted at each level
    it would double in length with each.
    """
    if isinstance(wire, dict):
        ((tag, body),) = wire.items()
        if tag in _SERIES:
            inside = map(_key, body)
            return f"{tag}[{','.join(sorted(inside) if tag == 'z' else inside)}]"
    return json.dumps(0.0 if wire == 0 and isinstance(wire, float) else wire)


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
    if tag == "i" and len(body) > _LONGEST_INT:
        return body
    return repr(decode(wire))
