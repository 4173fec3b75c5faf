"""Structure of an answer: number with unit, list, set, point, interval or words.

`read` uses separators and brackets alone. Formulas stay text; `algebra` decides whether two of them
are equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from envgym.environments.puzzles.math.answers.latex import trimmed
from envgym.environments.puzzles.math.answers.nodes import (
    Formula,
    Group,
    Named,
    Node,
    Relation,
    Union,
    Words,
)
from envgym.environments.puzzles.math.answers.numbers import rational, written
from envgym.environments.puzzles.math.answers.quantities import CURRENCY, quantity
from envgym.environments.puzzles.math.answers.tokens import (
    GROUPED,
    JOIN,
    Token,
    enclosed,
    matrix,
    split,
    tokens_of,
    unwrapped,
)
from envgym.environments.puzzles.math.answers.units import PERCENT

_MAX_DEPTH = 40
_MAX_CHARS = 3_000
_NAME = re.compile(
    r"(?:[a-zA-Z]|\\(?!(?:frac|sqrt|text|infty|pi|pm|mp|emptyset)(?![a-zA-Z]))[a-zA-Z]+)"
    r"(?:\s*_\s*(?:\{[^{}]*\}|\w))?(?:\s*\(\s*[a-zA-Z0-9](?:\s*,\s*[a-zA-Z])*\s*\))?|[a-z]+(?:_\w+)"
)
_NAMES = re.compile(r"\((?:\s*[a-zA-Z](?:_\w)?\s*(?:,|(?=\)))){2,}\)")
"""``(x, y)``"""
_SIZE = re.compile(rf"\|\s*({_NAME.pattern})\s*\|")
_SIGN = re.compile(r"\\(?:le|ge|ne|in|approx)(?![a-zA-Z])|[<>=]")
_WORDY = re.compile(r"(?:\\text\s*\{[^{}]*\}|[a-zA-Z0-9 \-&/().,:])+")
_LETTER_FIRST = re.compile(r"(?:\\text\s*\{)?[\s(]*[a-zA-Z]")
_FLIP = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le"}
_LEAST, _MOST = Formula(r"-\infty"), Formula(r"\infty")
_REALS = Group("()", (_LEAST, _MOST))
_WITHOUT = (r"\setminus", r"\backslash")
_NAMED_SETS = {
    **dict.fromkeys((r"\mathbbr", r"\r", "allrealnumbers", "allreals", "realnumbers"), _REALS),
    **dict.fromkeys((r"\emptyset", "nosolution", "nosolutions", "emptyset"), Group("{}", ())),
    **dict.fromkeys(("norealsolution", "norealsolutions"), Group("{}", ())),
}


def read(text: str, depth: int = 0) -> Node:
    """Structure of a cleaned text; an undecidable one is a single `Formula`."""
    text = unwrapped(trimmed(text))
    if depth > _MAX_DEPTH or not 0 < len(text) <= _MAX_CHARS:
        return Formula(text)
    if (value := rational(text)) is not None:
        return Formula(text, value)
    tokens = tokens_of(text)
    if tokens is None:
        return Formula(text)
    if (known := _NAMED_SETS.get(re.sub(r"\\text|[{} .]", "", text).lower())) is not None:
        return known
    if words := _words(text):
        return words
    if (table := matrix(text)) is not None:
        return _matrix([[read(cell, depth + 1) for cell in row] for row in table])
    if len(parts := split(text, tokens, _WITHOUT)) == 2:
        return _without(read(parts[0], depth + 1), read(parts[1], depth + 1)) or Formula(text)
    if len(parts := split(text, tokens, (r"\cup",))) > 1:
        return Union(tuple(read(part, depth + 1) for part in parts))
    if len(parts := split(text, tokens, (",", ";", "and", "or"))) > 1:
        return _list(text, parts, depth)
    if (inside := enclosed(tokens)) is not None:
        return _group(text, inside, tokens, depth)
    signs = [(place, word) for place, word, level in tokens if not level and _SIGN.fullmatch(word)]
    if signs:
        return _related(text, signs, depth)
    if len(both := _both_signs(text)) == 2:
        return Group("", tuple(read(one, depth + 1) for one in both))
    if len(parts := split(text, tokens, (":",))) > 1:
        return Group(":", tuple(read(part, depth + 1) for part in parts))
    return quantity(text)


def listed(text: str) -> Node | None:
    """Reading of ``1,234`` as two numbers, for an ambiguous gold; None for other texts."""
    text = unwrapped(trimmed(text))
    if not GROUPED.fullmatch(text):
        return None
    return Group("", tuple(read(part) for part in text.split(",")))


def _words(text: str) -> Words | Formula | None:
    if not _WORDY.fullmatch(text) or not _LETTER_FIRST.match(text) or CURRENCY.match(text):
        return None
    plain = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text)
    plain = re.sub(r"[().]", "", plain).strip()
    names = re.findall(r"[a-zA-Z]+", plain)
    if len(plain) == 1:
        return Formula(plain)
    if "\\text" not in text and (max(map(len, names)) < 3 or re.search("[,/()]", text)):
        return None
    if re.search(r",|;", plain) or JOIN.search(plain):
        return None
    return Words(" ".join(plain.casefold().split()))


def _list(text: str, parts: list[str], depth: int) -> Node:
    items = [read(part, depth + 1) for part in parts]
    bounds = [item for item in items if isinstance(item, Named) and _is_set(item.value)]
    if len(bounds) == len(items) and len({item.name for item in bounds}) == 1:
        sets = [item.value for item in bounds]
        both = " or " not in text and len(sets) == 2 and _between(sets[0], sets[1])
        return Named(bounds[0].name, both or Union(tuple(sets)))
    if isinstance(items[0], Named) and not any(isinstance(item, Named) for item in items[1:]):
        items[0] = items[0].value  # x = 2, 3
    return Group("", tuple(_flat(items)))


def _flat(items: Sequence[Node]) -> list[Node]:
    return [
        one
        for item in items
        for one in (item.items if isinstance(item, Group) and not item.brackets else [item])
    ]


def _is_set(node: Node) -> bool:
    return isinstance(node, Union) or (isinstance(node, Group) and len(node.brackets) == 2)


def _between(one: Node, other: Node) -> Node | None:
    """Interval of ``x > 1 and x < 2``."""
    if not (isinstance(one, Group) and isinstance(other, Group)):
        return None
    ends = [(g, g.items[0], g.items[-1]) for g in (one, other)]
    low = [g for g, start, end in ends if end == _MOST]
    high = [g for g, start, end in ends if start == _LEAST]
    if len(low) != 1 or len(high) != 1:
        return None
    return Group(low[0].brackets[0] + high[0].brackets[1], (low[0].items[0], high[0].items[1]))


def _group(text: str, brackets: str, tokens: Sequence[Token], depth: int) -> Node:
    inside = text[len(tokens[0][1]) : tokens[-1][0]].strip()
    if not inside:
        return Group(brackets, ())
    inner = tokens_of(inside) or []
    if brackets == "{}":
        for mark in ("\\mid", "|", ":"):
            if len(halves := split(inside, inner, (mark,))) == 2:
                condition = read(halves[1], depth + 1)
                return condition.value if isinstance(condition, Named) else condition
    parts = split(inside, inner, (",", ";"))
    if len(parts) == 1 and brackets == "{}":
        parts = split(inside, inner, (",", ";", "and", "or"))
    if len(parts) == 1 and brackets == "[]":
        return read(inside, depth + 1)
    return Group(brackets, tuple(_flat([read(part, depth + 1) for part in parts])))


def _related(text: str, signs: list[tuple[int, str]], depth: int) -> Node:
    places = [0, *(place + len(sign) for place, sign in signs)]
    ends = [*(place for place, _ in signs), len(text)]
    sides = [text[a:b].strip() for a, b in zip(places, ends, strict=True)]
    if signs[-1][1] == r"\approx" and not _NAME.fullmatch(sides[-2]):  # 5/36 ≈ 0.14
        if _contradicts(sides[-2], sides[-1]):
            return Words(text)
        return read(text[: signs[-1][0]], depth + 1)
    kinds = ["=" if sign == r"\approx" else sign for _, sign in signs]
    if len(kinds) == 1:
        return _single(sides[0], kinds[0], sides[1], depth)
    if set(kinds) == {"="}:
        return _single(sides[0], "=", sides[-1], depth)
    if len(kinds) == 2 and _NAME.fullmatch(sides[1]):
        if all(kind in (">", r"\ge") for kind in kinds):
            sides, kinds = sides[::-1], [_FLIP[kind] for kind in reversed(kinds)]
        if all(kind in ("<", r"\le") for kind in kinds):
            brackets = ("(" if kinds[0] == "<" else "[") + (")" if kinds[1] == "<" else "]")
            ends_of = tuple(read(side, depth + 1) for side in (sides[0], sides[2]))
            return Named(_name(sides[1]), Group(brackets, ends_of))
    return Formula(text)


def _single(left: str, sign: str, right: str, depth: int) -> Node:
    if sign in _FLIP and not _NAME.fullmatch(left) and _NAME.fullmatch(right):
        left, sign, right = right, _FLIP[sign], left
    if sign in ("=", r"\in") and _NAMES.fullmatch(left):
        return read(right, depth + 1)
    if (size := _SIZE.fullmatch(left)) and (bound := rational(right)) and bound > 0:
        low, high = Formula(written(-bound), -bound), Formula(written(bound), bound)
        if sign in ("<", r"\le"):
            return Named(_name(size[1]), Group("()" if sign == "<" else "[]", (low, high)))
        if sign in (">", r"\ge"):
            outside = (_ray(sign, high), _ray(_FLIP[sign], low))
            return Named(_name(size[1]), Union(outside))
    if not _NAME.fullmatch(left):
        return Relation(left, sign, right)
    value = read(right, depth + 1)
    name = _name(left)
    if sign in ("=", r"\in"):
        return Named(name, value)
    if sign in _FLIP:
        return Named(name, _ray(sign, value))
    return Named(name, Union((_ray("<", value), _ray(">", value))))


def _contradicts(exact: str, rounded: str) -> bool:
    """Return whether ``3 ≈ 4`` states two values: no number on the right, or one 5 % off."""
    one, given = rational(exact), quantity(rounded)
    if given.number is None or one is None:
        return given.number is None
    other = given.number / 100 if given.unit == PERCENT else given.number
    return abs(one - other) * 20 > abs(one)


def _ray(sign: str, end: Node) -> Group:
    """Interval below or above a bound."""
    if sign in ("<", r"\le"):
        return Group("()" if sign == "<" else "(]", (_LEAST, end))
    return Group("()" if sign == ">" else "[)", (end, _MOST))


def _matrix(rows: list[list[Node]]) -> Group:
    """Column, row, or matrix of rows."""
    if len(rows) == 1:
        return Group("row", tuple(rows[0]))
    if all(len(row) == 1 for row in rows):
        return Group("column", tuple(row[0] for row in rows))
    return Group("matrix", tuple(Group("row", tuple(row)) for row in rows))


def _without(whole: Node, points: Node) -> Node | None:
    """Real numbers without some points or an interval, as a union of intervals."""
    if whole != _REALS or not isinstance(points, Group):
        return None
    if points.brackets in ("()", "[]", "(]", "[)") and len(points.items) == 2:
        low, high = points.items
        below = "()" if points.brackets[0] == "[" else "(]"
        above = "()" if points.brackets[1] == "]" else "[)"
        return Union((Group(below, (_LEAST, low)), Group(above, (high, _MOST))))
    if points.brackets not in ("", "{}"):
        return None
    ends = [item for item in points.items if isinstance(item, Formula) and item.number is not None]
    if len(ends) != len(points.items) or not ends:
        return None
    ends.sort(key=lambda end: end.number or 0)
    bounds = [_LEAST, *ends, _MOST]
    return Union(tuple(Group("()", pair) for pair in pairwise(bounds)))


def _name(text: str) -> str:
    return re.sub(r"[\s{}]", "", text)


def _both_signs(text: str) -> tuple[str, ...]:
    r"""Both values of a text with ``\pm``."""
    if not re.search(r"\\(?:pm|mp)(?![a-zA-Z])", text):
        return (text,)
    plus = re.sub(r"\\pm(?![a-zA-Z])", "+", re.sub(r"\\mp(?![a-zA-Z])", "-", text))
    minus = re.sub(r"\\pm(?![a-zA-Z])", "-", re.sub(r"\\mp(?![a-zA-Z])", "+", text))
    return plus, minus
