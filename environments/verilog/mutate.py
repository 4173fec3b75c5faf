"""Mutants: circuits with one edit, to test that a judge tells them from the golden one.

Edits change one operator, constant, edge, polarity, width or branch anywhere in the source. An edit
may leave the circuit unchanged; Yosys decides (`equivalent`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from envgym.sandboxes.graders.verilog.source.lexer import Token, tokens

_OPERATORS = {
    "&": "|",
    "|": "&",
    "^": "|",
    "+": "-",
    "-": "+",
    "==": "!=",
    "!=": "==",
    "<": ">=",
    ">": "<=",
    ">=": "<",
    "&&": "||",
    "||": "&&",
    "~": "",
    "!": "",
    "<<": ">>",
    ">>": "<<",
}
_EDGES = {"posedge": "negedge", "negedge": "posedge"}
_DECLARED = frozenset(["reg", "logic", "wire"])


class Mutant(NamedTuple):
    """Mutated source, with the kind and line of the edit."""

    kind: str
    line: int
    source: str


def mutants(source: str) -> list[Mutant]:
    """All single-edit mutants in source order; module headers stay unchanged."""
    found = list(tokens(source))
    return list(_edits(source, _joined(found)))


def some_mutants(source: str, rng: random.Random, count: int) -> list[Mutant]:
    """At most `count` mutants, of as many kinds as possible."""
    kinds: dict[str, list[Mutant]] = {}
    for mutant in mutants(source):
        kinds.setdefault(mutant.kind, []).append(mutant)
    for same in kinds.values():
        rng.shuffle(same)
    chosen: list[Mutant] = []
    while len(chosen) < count and any(kinds.values()):
        for same in kinds.values():
            if same and len(chosen) < count:
                chosen.append(same.pop())
    return chosen


def _joined(found: list[Token]) -> list[Token]:
    """Multi-character operators joined into one token."""
    joined: list[Token] = []
    for token in found:
        last = joined[-1] if joined else None
        if (
            last is not None
            and token.kind == last.kind == "sign"
            and last.at + len(last.text) == token.at
            and last.text + token.text in _PAIRS
        ):
            joined[-1] = last._replace(text=last.text + token.text)
        else:
            joined.append(token)
    return joined


_PAIRS = frozenset(["==", "!=", "<=", ">=", "&&", "||", "<<", ">>", "~&", "~|", "~^", "^~", "**"])


def _edits(source: str, found: list[Token]) -> Iterator[Mutant]:
    header = False
    for place, token in enumerate(found):
        text, at = token.text, token.at
        if text == "module":
            header = True
        if header:  # a design with other ports is rejected before any comparison
            header = text != ";"
            continue
        end = at + len(text)
        if token.kind == "sign" and text in _OPERATORS and _is_operator(found, place):
            yield _mutant("operator", token, source, at, end, _OPERATORS[text])
        elif text in _EDGES:
            yield _mutant("edge", token, source, at, end, _EDGES[text])
        elif token.kind == "number" and text.isdecimal():
            yield _mutant(_number_kind(found, place), token, source, at, end, str(int(text) + 1))
        elif token.kind == "number" and "'" in text and text[-1] in "01":
            yield _mutant("constant", token, source, end - 1, end, "10"[int(text[-1])])
        elif text == "if" and place + 1 < len(found) and found[place + 1].text == "(":
            yield from _condition(source, found, place)
        elif text == "?":
            yield from _branches(source, found, place)


def _mutant(kind: str, token: Token, source: str, at: int, end: int, new: str) -> Mutant:
    return Mutant(kind, token.line, source[:at] + new + source[end:])


def _is_operator(found: list[Token], place: int) -> bool:
    """Return whether a token is an operator, and not part of ``<=`` or of a sensitivity list."""
    return place > 0 and found[place - 1].text not in ("#", "@")


def _number_kind(found: list[Token], place: int) -> str:
    before = found[max(0, place - 3) : place]
    return "width" if any(t.text in _DECLARED for t in before) else "constant"


def _condition(source: str, found: list[Token], place: int) -> Iterator[Mutant]:
    """Edit ``if (c)`` to ``if (!(c))``: swapped branches, or the polarity of a reset."""
    end = _closing(found, place + 1)
    if end is None:
        return
    start, stop = found[place + 1].at + 1, found[end].at
    kind = "polarity" if end - place <= 4 else "branches"
    yield _mutant(kind, found[place], source, start, stop, f"!({source[start:stop]})")


def _branches(source: str, found: list[Token], place: int) -> Iterator[Mutant]:
    """Edit ``c ? a : b`` to ``c ? b : a``, where both are single tokens."""
    four = found[place + 1 : place + 5]
    if len(four) == 4 and four[1].text == ":" and four[3].text in (";", ")", ","):
        a, b = four[0], four[2]
        new = f"{b.text} : {a.text}"
        yield _mutant("branches", a, source, a.at, b.at + len(b.text), new)


def _closing(found: list[Token], place: int) -> int | None:
    depth = 0
    for index in range(place, len(found)):
        depth += (found[index].text == "(") - (found[index].text == ")")
        if not depth:
            return index
    return None
