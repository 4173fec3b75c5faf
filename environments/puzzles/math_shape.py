"""Which answers are an answer at all, before anybody works out what they are worth.

A verifier that works expressions out finds every task's own expression right: "12 + 65" equals 77.
Where the gold is a number a number is due, in any of its written forms; integrals and the like are
no answers unless the gold has them too; and a formula of the problem is none. Nothing else is
refused here.
"""

from __future__ import annotations

import re

from envgym.environments.puzzles.math_answers.boxes import last_boxed
from envgym.environments.puzzles.math_answers.latex import cleaned
from envgym.environments.puzzles.math_answers.structure import (
    Formula,
    Group,
    Named,
    Node,
    Relation,
    read,
)

__all__ = ["fault", "last_boxed"]

_UNWORKED = re.compile(
    r"\\(?:i*nt|oint|sum|prod|lim\w*|partial|det|gcd|max|min|sup|inf|mathop)(?![a-zA-Z])"
    r"|\\frac\{d[a-zA-Z]?(?:\^[^{}]|\^\{[^{}]*\})?\}\{d[a-zA-Z]|\\?\b(?:mod|pmod|bmod)\b"
)
_OPERATION = re.compile(r"[-+*/^]|\\(?:frac|sqrt|cdot|times|binom)")
_ECHO_CHARS = 4
"""A shorter answer stands in the problem by chance."""


def fault(answer: str, gold: str, problem: str) -> str | None:
    """Why it cannot be an answer, for the agent to read; None where it can."""
    given, wanted = cleaned(answer), cleaned(gold)
    value, asked = _value(_right_side(read(given))), _value(read(wanted))
    if isinstance(asked, Formula) and asked.number is not None:
        worked = not isinstance(value, Formula) or value.number is not None
        return None if worked else "The answer is to be one number, worked out."
    if _UNWORKED.search(given) and not _UNWORKED.search(wanted):
        return "The answer is to be worked out."
    if isinstance(value, Formula | Relation) and _OPERATION.search(given):
        copy, original = _squeezed(given), _squeezed(wanted)
        long = len(copy) >= _ECHO_CHARS
        if long and sorted(copy) != sorted(original) and copy in _squeezed(cleaned(problem)):
            return "That stands in the problem; the answer is to be worked out."
    return None


def _right_side(node: Node) -> Node:
    """The value that an answer like ``a + b = 5`` gives."""
    return read(node.right) if isinstance(node, Relation) and node.sign == "=" else node


def _value(node: Node) -> Node:
    """Without its name, or the braces around one element."""
    if isinstance(node, Named):
        return _value(node.value)
    if isinstance(node, Group) and node.brackets in ("", "{}") and len(node.items) == 1:
        return _value(node.items[0])
    return node


def _squeezed(text: str) -> str:
    """Without spaces, braces and signs of multiplication; fractions with a slash."""
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", text)
    return re.sub(r"\s+|[{}*]|\\(?:cdot|times)(?![a-zA-Z])", "", text)
