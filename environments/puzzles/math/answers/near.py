"""Almost right answers, for testing a judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from envgym.environments.puzzles.math.answers.latex import cleaned
from envgym.environments.puzzles.math.answers.nodes import Formula, Group, Named, Node, Union, Words
from envgym.environments.puzzles.math.answers.numbers import written
from envgym.environments.puzzles.math.answers.structure import read

_TINY = Fraction(1, 10**12)


def near_misses(gold: str) -> Sequence[str]:
    """A few wrong answers to a problem with this gold."""
    return tuple(dict.fromkeys(_misses(read(cleaned(gold)))))


def _misses(node: Node) -> Iterator[str]:
    match node:
        case Named(_, value):
            yield from _misses(value)
        case Formula(_, number) if number is not None:
            yield from _near_number(number)
            if node.unit is not None:
                yield rf"{written(number)}\\text{{ parsecs}}"
        case Formula(text):
            yield from (f"({text}) + 1", rf"({text}) + \frac{{1}}{{10^{{12}}}}", f"{text}, 1")
        case Words(text):
            yield from (f"not {text}", f"{text}x")
        case Group(brackets, items) if items:
            yield from _near_group(brackets, [_text(item) for item in items])
        case Union(parts):
            yield " \\cup ".join(map(_text, parts[1:]))


def _near_number(number: Fraction) -> Iterator[str]:
    for wrong in (number + 1, number + _TINY, number * 10 or Fraction(10), -number or Fraction(-1)):
        yield written(wrong)
    yield f"{written(number)}, {written(number + 1)}"
    yield rf"\pm {written(abs(number) or Fraction(1))}"
    yield f"{written(number - 1)} + 1"


def _near_group(brackets: str, items: list[str]) -> Iterator[str]:
    def joined(parts: Sequence[str]) -> str:
        around = {"": ("", ""), "{}": ("\\{", "\\}"), ":": ("", "")}.get(brackets, brackets)
        return f"{around[0]}{(':' if brackets == ':' else ', ').join(parts)}{around[1]}"

    yield joined([*items, "987654321"])
    yield joined([*items[:-1], "987654321"])
    if len(items) > 1:
        yield items[0]
        if brackets not in ("", "{}") and items[0] != items[-1]:
            yield joined(items[::-1])


def _text(node: Node) -> str:
    match node:
        case Formula(text):
            return text
        case Words(text):
            return rf"\text{{{text}}}"
        case Group(brackets, items):
            around = {"{}": ("\\{", "\\}"), "": ("", "")}.get(brackets, brackets)
            return f"{around[0]}{', '.join(map(_text, items))}{around[1]}"
        case Union(parts):
            return " \\cup ".join(map(_text, parts))
        case Named(name, value):
            return f"{name} = {_text(value)}"
    return f"{node.left} {node.sign} {node.right}"
