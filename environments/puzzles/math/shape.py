"""Form check of answers, before anything is evaluated.

A verifier that evaluates expressions accepts the problem's own expression: "12 + 65" equals 77. So
where the gold is a number, a number is required in any written form (a single power included);
integrals and the like are accepted only where the gold has them; and a formula of the problem, or a
number of the problem in the wrong notation, is rejected.
"""

from __future__ import annotations

import re
from math import gcd

from envgym.environments.puzzles.math.answers.boxes import last_boxed
from envgym.environments.puzzles.math.answers.latex import cleaned
from envgym.environments.puzzles.math.answers.structure import (
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
_ECHO = "That stands in the problem; the answer is to be worked out."
_OPERATION = re.compile(r"[-+*/^]|\\(?:frac|sqrt|cdot|times|binom)")
_POWER = re.compile(r"[-+]?\(?(\d{1,9}|\\frac\{\d+\}\{\d+\})\)?\^(?:(\d)|\{(-?\d{1,4})\})")
_RAISED = re.compile(r"square|cube", re.IGNORECASE)
_FORM_ASKED = re.compile(
    r"\b(?:simplif|reduc|convert|scientific|standard (?:form|notation)|lowest terms"
    r"|(?:fraction|decimal|mixed number|percent(?:age)?|power of)\b)|\\%",
    re.IGNORECASE,
)
_ECHO_CHARS = 4
"""Minimum length for a copy check; a shorter answer may occur in the problem by chance."""


def fault(answer: str, gold: str, problem: str) -> str | None:
    """Reason why a text is no answer, for the agent to read; None for a valid form."""
    given, wanted = cleaned(answer), cleaned(gold)
    value, asked = _value(_right_side(read(given))), _value(read(wanted))
    if isinstance(asked, Formula) and asked.number is not None:
        if not isinstance(value, Formula):
            return None
        if value.number is None and not _is_new_power(value.text, problem):
            return "The answer is to be one number, worked out."
        return _ECHO if _is_rewritten(value, asked, problem) else None
    if _UNWORKED.search(given) and not _UNWORKED.search(wanted):
        return "The answer is to be worked out."
    if isinstance(value, Formula | Relation) and _OPERATION.search(given):
        copy, original = _squeezed(given), _squeezed(wanted)
        long = len(copy) >= _ECHO_CHARS
        if long and sorted(copy) != sorted(original) and copy in _squeezed(cleaned(problem)):
            return _ECHO
    return None


def _is_new_power(text: str, problem: str) -> bool:
    """Return whether it is one power, such as ``2^{10}``, with a number that the problem lacks."""
    power = _POWER.fullmatch(text.replace(" ", ""))
    if power is None:
        return False
    numbers = set(re.findall(r"\d+", problem))
    base, exponent = re.findall(r"\d+", power[1]), (power[2] or power[3]).removeprefix("-")
    named = exponent in numbers or (exponent in ("2", "3") and _RAISED.search(problem))
    return not (named and numbers.issuperset(base))


def _is_rewritten(value: Formula, asked: Formula, problem: str) -> bool:
    """Return whether the problem states the number itself, to be reduced or converted."""
    copy, original = _squeezed(value.text), _squeezed(asked.text)
    units = asked.unit is not None and value.unit is not None and asked.number != value.number
    if copy == original and not units:
        return False
    fraction = re.fullmatch(r"-?(\d+)/(\d+)", copy)
    reducible = fraction is not None and gcd(int(fraction[1]), int(fraction[2])) > 1
    if not (units or reducible or _FORM_ASKED.search(problem)):
        return False
    stands = rf"(?<![\d/^])(?<!\d[.,]){re.escape(copy)}(?![\d/^]|[.,]\d)"
    return re.search(stands, _squeezed(cleaned(problem))) is not None


def _right_side(node: Node) -> Node:
    """Value of an answer such as ``a + b = 5``."""
    return read(node.right) if isinstance(node, Relation) and node.sign == "=" else node


def _value(node: Node) -> Node:
    """Strip a name, or the braces around one element."""
    if isinstance(node, Named):
        return _value(node.value)
    if isinstance(node, Group) and node.brackets in ("", "{}") and len(node.items) == 1:
        return _value(node.items[0])
    return node


def _squeezed(text: str) -> str:
    """Strip spaces, braces and multiplication signs; write fractions with a slash."""
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", text)
    return re.sub(r"\s+|[{}*]|\\(?:cdot|times)(?![a-zA-Z])", "", text)
