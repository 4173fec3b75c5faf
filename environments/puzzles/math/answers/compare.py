"""Equality of an answer and the gold, by the gold's kind.

- Numbers are equal when they are the same number; there is no tolerance, for decimals neither.
- A bare list, or one in braces, is equal in any order; a point, a vector and an interval in theirs,
  with their own brackets. A bare list counts repetitions, a set does not.
- A unit counts where both have one. A percentage is its value; beside a bare number above 1 also
  that number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from envgym.environments.puzzles.math.answers.nodes import (
    Formula,
    Group,
    Named,
    Node,
    Relation,
    Union,
    Words,
)
from envgym.environments.puzzles.math.answers.numbers import written
from envgym.environments.puzzles.math.answers.structure import read
from envgym.environments.puzzles.math.answers.units import PERCENT

Algebra = Callable[[str, str], bool]
"""Judge of the equality of two LaTeX formulas; for equations ``left = right`` on both sides."""


_QUANTITY = re.compile(
    r"(?:\\(?:angle|triangle|overline|widehat|vec|text|alpha|beta|gamma|theta)(?![a-zA-Z])"
    r"|[a-zA-Z{}(),\s]|(?<=[a-zA-Z}\s])[-+]|\|\s*[A-Z]{2}\s*\|)+"
)
_LETTER = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]")
_MATRICES = ({"matrix", "[]"}, {"row", "[]"})


def equal(gold: Node, answer: Node, algebra: Algebra) -> bool:
    """Return whether the answer is the gold."""
    if isinstance(gold, Named) and isinstance(answer, Named):
        return _same_name(gold.name, answer.name) and equal(gold.value, answer.value, algebra)
    if isinstance(gold, Named):
        if isinstance(answer, Relation):
            return _curve(gold, answer, algebra)
        return equal(gold.value, answer, algebra)
    if isinstance(answer, Named):
        if isinstance(gold, Relation):
            return _curve(answer, gold, algebra)
        return equal(gold, answer.value, algebra)
    if isinstance(gold, Relation):
        return isinstance(answer, Relation) and _same_relation(gold, answer, algebra)
    if isinstance(answer, Relation):
        return _names_something(answer) and _same_text(gold, answer.right, algebra)
    if isinstance(gold, Union) or isinstance(answer, Union):
        return _any_order(_parts(gold), _parts(answer), algebra)
    gold, answer = _single(gold), _single(answer)
    if isinstance(gold, Group) and isinstance(answer, Group):
        return _same_group(gold, answer, algebra)
    if isinstance(gold, Formula) and isinstance(answer, Formula):
        return _same_quantity(gold, answer, algebra)
    return isinstance(gold, Words) and gold == answer


def _same_name(one: str, other: str) -> bool:
    first, second = (re.split(r"[_(]", name)[0] for name in (one, other))
    return first == second or {first, second} == {"y", "f"}


def _curve(named: Named, relation: Relation, algebra: Algebra) -> bool:
    """Equation of a curve in two variables (``y = 2x + 3`` beside ``2x - y + 3 = 0``); not ``x =
    2``.
    """
    value = named.value
    if not isinstance(value, Formula) or value.number is not None or relation.sign != "=":
        return False
    letters = _LETTER.search(value.text)
    name = re.sub(r"\(.*", "", named.name)
    return bool(letters) and algebra(
        f"{name} = {value.text}", f"{relation.left} = {relation.right}"
    )


def _same_relation(gold: Relation, answer: Relation, algebra: Algebra) -> bool:
    mirrored = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le"}
    left, sign, right = answer.left, answer.sign, answer.right
    if sign != gold.sign:
        left, sign, right = right, mirrored.get(sign, sign), left
    if sign != gold.sign:
        return False
    if sign in ("=", "\\ne"):
        return algebra(f"{gold.left} = {gold.right}", f"{left} = {right}")
    return algebra(f"{gold.left} < {gold.right}", f"{left} < {right}")


def _names_something(answer: Relation) -> bool:
    r"""``a + b = 5`` names what is 5; ``2 + 3 = 5``, ``2x = 5`` and ``\sqrt{x} = 5`` do not."""
    left = re.sub(r"_\s*(?:\{[^{}]*\}|\w)", "", answer.left)
    return answer.sign == "=" and bool(_QUANTITY.fullmatch(left))


def _same_text(gold: Node, right: str, algebra: Algebra) -> bool:
    value = read(right)
    return not isinstance(value, Relation) and equal(gold, value, algebra)


def _parts(node: Node) -> Sequence[Node]:
    return node.parts if isinstance(node, Union) else (node,)


def _single(node: Node) -> Node:
    """Element of a one-element set; the set of the empty set stays a set."""
    if isinstance(node, Group) and node.brackets in ("", "{}") and len(node.items) == 1:
        return node if node.items[0] == Group("{}", ()) else node.items[0]
    return node


def _same_group(gold: Group, answer: Group, algebra: Algebra) -> bool:
    kinds = (gold.brackets, answer.brackets)
    if kinds in (("", ""), ("", "{}")):
        names = [_names(group) for group in (gold, answer)]
        if names[0] and names[1]:
            return names[0].keys() == names[1].keys() and all(
                equal(value, names[1][name], algebra) for name, value in names[0].items()
            )
        if names[0] or names[1]:
            return _in_order(_by_name(gold), _by_name(answer), algebra)
        return _any_order(_values(gold), _values(answer), algebra)
    if kinds in (("{}", "{}"), ("{}", "")):
        wanted, given = _values(gold), _values(answer)
        return _covers(wanted, given, algebra) and _covers(given, wanted, algebra)
    long = len(gold.items) > 2
    vector = ("()", "<>", "[]") if long else ("()", "<>")
    alike = gold.brackets == answer.brackets or {*kinds} <= {*vector}
    alike |= {*kinds} in _MATRICES or any({kind, *vector} >= {*kinds} for kind in ("row", "column"))
    bare = "" in kinds and {*kinds} <= {"", *vector, "[]" if not gold.brackets else ""}
    return (alike or bare) and _in_order(_by_name(gold), _by_name(answer), algebra)


def _names(group: Group) -> dict[str, Node]:
    """Values by name, for several different names: ``x = 1, y = 2``."""
    named = [item for item in group.items if isinstance(item, Named)]
    found = {re.split(r"[_(]", item.name)[0]: item.value for item in named}
    return found if len(found) == len(group.items) > 1 else {}


def _by_name(group: Group) -> Sequence[Node]:
    return [value for _, value in sorted(_names(group).items())] or _values(group)


def _values(group: Group) -> Sequence[Node]:
    return [item.value if isinstance(item, Named) else item for item in group.items]


def _in_order(gold: Sequence[Node], answer: Sequence[Node], algebra: Algebra) -> bool:
    return len(gold) == len(answer) and all(
        equal(one, other, algebra) for one, other in zip(gold, answer, strict=True)
    )


def _any_order(gold: Sequence[Node], answer: Sequence[Node], algebra: Algebra) -> bool:
    if len(gold) != len(answer):
        return False
    left = list(answer)
    for one in gold:
        found = next((n for n, other in enumerate(left) if equal(one, other, algebra)), None)
        if found is None:
            return False
        del left[found]
    return True


def _covers(these: Sequence[Node], those: Sequence[Node], algebra: Algebra) -> bool:
    return all(any(equal(one, other, algebra) for other in those) for one in these)


def _same_quantity(gold: Formula, answer: Formula, algebra: Algebra) -> bool:
    if gold.unit == answer.unit:
        return _same_value(gold, answer, algebra)
    if gold.unit and answer.unit:
        if gold.unit.powers != answer.unit.powers or gold.number is None or answer.number is None:
            return False
        return gold.number * gold.unit.size == answer.number * answer.unit.size
    if gold.unit == PERCENT:
        return _same_percentage(gold, answer, algebra)
    if answer.unit == PERCENT:
        return _same_percentage(answer, gold, algebra)
    if gold.product or (gold.number is None and answer.product):
        return algebra(gold.product or gold.text, answer.product or answer.text)
    if gold.unit is None and gold.number is None and _LETTER.search(gold.text):
        return False
    return _same_value(gold, answer, algebra)


def _same_percentage(share: Formula, plain: Formula, algebra: Algebra) -> bool:
    if share.number is None or plain.number is None:
        return algebra(rf"\frac{{{share.text}}}{{100}}", plain.text)
    bare = share.number == plain.number and abs(plain.number) > 1
    return bare or share.number / 100 == plain.number


def _same_value(gold: Formula, answer: Formula, algebra: Algebra) -> bool:
    if gold.number is not None and answer.number is not None:
        return gold.number == answer.number
    if _key(gold.text) == _key(answer.text):
        return bool(gold.text)
    letters = len(gold.text) == len(answer.text) == 1  # A is not a
    return not letters and algebra(_latex(gold), _latex(answer))


def _key(text: str) -> str:
    return re.sub(r"\s+|\A\s*\+", "", text)


def _latex(formula: Formula) -> str:
    value = formula.number
    return formula.text if value is None else written(value)
