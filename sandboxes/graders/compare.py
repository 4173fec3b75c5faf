"""Comparison of answers with expected values, on the host, type by type, in wire form."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from envgym.sandboxes.graders.harness.plain_values import decode

_SERIES = ("t", "z")
"""Wire names of hashable sequences, which may be members of sets, or keys."""
_LONGEST_INT = 2000
"""Hexadecimal digits; longer numbers stay hexadecimal, since decimal takes quadratic time."""


@dataclass(frozen=True)
class Equality:
    """Rule of equality between an answer and the expected value.

    Types are equal or the answer is wrong: True is not 1, 2.0 is not 2, a tuple is no list. NaN
    equals NaN. Members of sets and keys of dicts are compared exactly, in any order.

    Attributes:
        tolerance: Relative and absolute tolerance where a float is expected. Above 0, an int and a
            float of one value are equal; an expected int is always compared exactly.
        tuples_are_lists: For data sets in JSON, which has no tuples.
        keys_are_texts: For data sets in JSON, whose keys are texts: an expected dict of such keys
            equals one with the keys that JSON writes so (1, True, None).
    """

    tolerance: float = 0.0
    tuples_are_lists: bool = False
    keys_are_texts: bool = False

    def __call__(self, want: Any, got: Any) -> bool:
        """Return whether two checked wire forms are equal."""
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
        """Return whether two dicts of equal length are equal."""
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
    """Key of a dict as JSON writes it, if it does."""
    if wire is None or isinstance(wire, bool | int | float):
        return json.dumps(wire)
    if isinstance(wire, dict) and "i" in wire and len(wire["i"]) <= _LONGEST_INT:
        return str(decode(wire))
    return wire


def _key(wire: Any) -> str:
    """Canonical text of a member: equal if and only if the members are equal.

    Nested texts are not quoted again, because their own quotes delimit them; repeated quoting would
    double the length with each level.
    """
    if isinstance(wire, dict):
        ((tag, body),) = wire.items()
        if tag in _SERIES:
            inside = map(_key, body)
            return f"{tag}[{','.join(sorted(inside) if tag == 'z' else inside)}]"
    return json.dumps(0.0 if wire == 0 and isinstance(wire, float) else wire)


def show(wire: Any, limit: int = 300) -> str:
    """Format a wire form as Python prints the value, cut to `limit` characters."""
    parts, left = [], limit
    for part in _parts(wire, limit):
        parts.append(part)
        left -= len(part)
        if left < 0:  # the rest may be a million numbers
            more = f" ({len(repr(wire))} characters)" if isinstance(wire, str) else ""
            return f"{''.join(parts)[:limit]}…{more}"
    return "".join(parts)


def _parts(wire: Any, limit: int) -> Iterator[str]:
    if isinstance(wire, list):
        yield from _series_parts("[", wire, "]", limit)
    elif isinstance(wire, str):
        yield repr(wire[: limit + 1])
    elif not isinstance(wire, dict):
        yield repr(wire)
    else:
        ((tag, body),) = wire.items()
        yield from _tagged_parts(tag, body, limit)


def _tagged_parts(tag: str, body: Any, limit: int) -> Iterator[str]:
    if tag == "d":
        yield "{"
        for index, (key, item) in enumerate(body):
            yield ", " if index else ""
            yield from _parts(key, limit)
            yield ": "
            yield from _parts(item, limit)
        yield "}"
    elif tag == "t":
        yield from _series_parts("(", body, ",)" if len(body) == 1 else ")", limit)
    elif tag == "s":
        yield from _series_parts("{", body, "}", limit) if body else ["set()"]
    elif tag == "z":
        yield from _series_parts("frozenset({", body, "})", limit) if body else ["frozenset()"]
    elif tag == "b":
        yield repr(bytes.fromhex(body[: 2 * limit + 2]))
    elif tag == "i" and len(body) > _LONGEST_INT:
        yield body[: limit + 1]
    else:
        yield repr(decode({tag: body}))


def _series_parts(begin: str, items: list[Any], end: str, limit: int) -> Iterator[str]:
    yield begin
    for index, item in enumerate(items):
        yield ", " if index else ""
        yield from _parts(item, limit)
    yield end
