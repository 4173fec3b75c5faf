"""What may stand as an answer at all, before anybody works out what it is worth.

A verifier that works expressions out finds every task's own expression right: "12 + 65" equals 77.
Where the gold is a number a number has to be given; integrals and the like are no answers unless
the gold has them too; and words of the problem are none.
"""

from __future__ import annotations

import re

_DIGITS = r"(?:\d[\d,]*(?:\.\d*)?|\.\d+)"
_FRACTION = rf"\\[dt]?frac(?:\{{-?{_DIGITS}\}}|\d)(?:\{{{_DIGITS}\}}|\d)"
_NUMBER = re.compile(
    rf"[-+]?(?:{_FRACTION}|{_DIGITS}(?:/{_DIGITS}|{_FRACTION})?)"
    r"(?:\\times10\^\{?-?\d+\}?)?"
)
_UNIT = re.compile(r"(?:\\?%|\^\{?\\circ\}?|\\(?:text|mathrm|mbox)\{[^{}]*\}){1,3}$")
_UNWORKED = re.compile(
    r"\\(?:i*nt|oint|sum|prod|lim\w*|partial|operatorname|det|gcd|max|min|sup|inf|mathop)"
    r"(?![a-zA-Z])|\\[dt]?frac\{?d|\\?\b(?:mod|pmod|bmod)\b"
)
_ECHO_CHARS = 4
"""A shorter answer stands in the problem by chance."""


def bare(answer: str, *, spaces: bool = False) -> str:
    """The answer without dollar signs, a box around it and, unless they stay, `spaces`."""
    text = re.sub(r"\\?\$", "", answer).strip()
    if not spaces:
        text = re.sub(r"\s+|\\[,;!: ]|\\left(?![a-z])|\\right(?![a-z])", "", text)
    boxed = last_boxed(text)
    return boxed if boxed is not None and text == f"\\boxed{{{boxed}}}" else text


def fault(answer: str, gold: str, problem: str) -> str | None:
    """Why it cannot be an answer, for the agent to read; None where it can."""
    given, wanted = bare(answer), bare(gold)
    if _is_number(wanted):
        value = given.rpartition("=")[2] if re.match(r"[a-zA-Z]=", given) else given
        return None if _is_number(value) else "The answer is to be one number, worked out."
    if _UNWORKED.search(given) and not _UNWORKED.search(wanted):
        return "The answer is to be worked out."
    if len(given) >= _ECHO_CHARS and given != wanted and given in bare(problem):
        return "That stands in the problem; the answer is to be worked out."
    return None


def last_boxed(text: str) -> str | None:
    """What stands in the last ``\\boxed{…}``, or None."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth = 0
    for end in range(start + 6, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if not depth:
            return text[start + 7 : end]
    return None


def _is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(_UNIT.sub("", text)))
