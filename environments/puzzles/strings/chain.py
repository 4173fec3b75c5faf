"""Compositions of string functions, f(g(x)) of any depth, in which every call matters.

A chain is built from the inside out, applying each call at once. A call that leaves its input
unchanged, or makes it too long to follow, is redrawn. So no answer is a constant or the input
itself, and depth 8 is as readable as depth 2.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from envgym.environments.puzzles.strings.functions import FUNCTIONS, StringFunction, letters
from envgym.errors import ToolError

MAX_LENGTH = 80
"""Maximum length of an intermediate value, in characters."""
MAX_ARGUMENT = 200
"""Maximum length of a string in a tried call, in characters."""
_BINARY = 0.2
"""Probability that a node joins two strings; half of these use ``+``."""
_DRAWS = 40
_CALL = re.compile(r"\s*func_(\d{1,2})\((.*)\)\s*", re.DOTALL)
_JOINING = re.compile(r"\s*({0})\s*\+\s*({0})\s*".format(r'"(?:[^"\\]|\\.)*"'), re.DOTALL)


@dataclass(frozen=True)
class Chain:
    """Composition of calls with its intermediate values.

    Attributes:
        code: Expression in terms of ``x``.
        x: The input.
        calls: Calls to evaluate, innermost first, each on plain strings.
        values: Result of each call; the last is the answer.
        used: Indices of its functions, ascending.
    """

    code: str
    x: str
    calls: tuple[str, ...]
    values: tuple[str, ...]
    used: tuple[int, ...]


def compose(
    rng: random.Random,
    level: int,
    pool: Sequence[StringFunction],
    length: tuple[int, int] = (3, 10),
) -> Chain:
    """Draw a chain of `level` nodes over functions of `pool`, on an input of `length` letters."""
    while True:
        chain = _grow(rng, level, pool, length)
        if chain is not None:
            answer, shown = chain.values[-1], [chain.x, *re.findall(r'"([^"]*)"', chain.code)]
            if answer not in shown:
                return chain


def _grow(
    rng: random.Random, level: int, pool: Sequence[StringFunction], length: tuple[int, int]
) -> Chain | None:
    x = letters(rng, *length)
    if rng.random() < 0.25:  # two words, for the function that reverses words
        at = rng.randint(1, len(x) - 1)
        x = f"{x[:at]}-{x[at:]}"
    code, values, calls = "x", [x], list[str]()
    used = set[int | None]()
    for _ in range(level):
        for _ in range(_DRAWS):
            outer, call, value, index = _node(rng, code, values[-1], x, pool)
            if value != values[-1] and 2 <= len(value) <= MAX_LENGTH:
                break
        else:
            return None
        code = outer
        values.append(value)
        calls.append(call)
        used.add(index)
    indices = tuple(sorted(i for i in used if i is not None))
    return Chain(code, x, tuple(calls), tuple(values[1:]), indices)


def _node(
    rng: random.Random, code: str, value: str, x: str, pool: Sequence[StringFunction]
) -> tuple[str, str, str, int | None]:
    """Wrap one more node around `code`: its code, its call on plain strings, its value, its
    function.
    """
    binary = [f for f in pool if f.kind == "text"]
    if rng.random() < _BINARY:
        other, other_code = (x, "x") if rng.random() < 0.5 else _literal(rng)
        pairs = [(code, value), (other_code, other)]
        rng.shuffle(pairs)
        (left, a), (right, b) = pairs
        if not binary or rng.random() < 0.5:
            return f"({left} + {right})", f"{quote(a)} + {quote(b)}", a + b, None
        function = rng.choice(binary)
        call = f"{function.name}({quote(a)}, {quote(b)})"
        return f"{function.name}({left}, {right})", call, function.call(a, b), function.index
    function = rng.choice([f for f in pool if f.kind != "text"])
    extra = function.draw(rng)
    tail = "".join(f", {quote(e)}" for e in extra)
    call = f"{function.name}({quote(value)}{tail})"
    return f"{function.name}({code}{tail})", call, function.call(value, *extra), function.index


def _literal(rng: random.Random) -> tuple[str, str]:
    text = letters(rng, 3, 6)
    return text, quote(text)


def quote(value: str | int) -> str:
    """String literal in code."""
    return json.dumps(value, ensure_ascii=False)


def run_call(code: str) -> str:
    """Evaluate one call on plain strings, ``func_3("abc")``, or ``"abc" + "de"``.

    Raises:
        ToolError: It is anything else, or its arguments are not such as the function takes.
    """
    code = code[: 3 * MAX_ARGUMENT]
    if joining := _JOINING.fullmatch(code):
        return "".join(_arguments(", ".join(joining.groups())))
    found = _CALL.fullmatch(code)
    index = int(found[1]) if found else len(FUNCTIONS)
    if found is None or index >= len(FUNCTIONS):
        raise ToolError('write one call on plain strings, such as func_3("abc"), or "abc" + "de".')
    arguments, function = _arguments(found[2]), FUNCTIONS[index]
    first = bool(arguments) and isinstance(arguments[0], str)
    if not first or not function.accepts(arguments[1:]):
        raise ToolError(f"{function.name} takes no such arguments.")
    return function.call(*arguments)


def _arguments(text: str) -> list[Any]:
    try:
        arguments: list[Any] = json.loads(f"[{text}]")
    except (ValueError, RecursionError):
        raise ToolError('write the arguments out, such as func_8("abc", 2).') from None
    if any(isinstance(a, str) and len(a) > MAX_ARGUMENT for a in arguments):
        raise ToolError(f"a string is longer than {MAX_ARGUMENT} characters.")
    return arguments
