"""Parse answers as data: argument lists and values written as Python literals.

Splicing an answer into source would accept ``0) or (True``, and evaluating it would run a program.
So an answer is parsed, and only literals are accepted.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from envgym.sandboxes.graders.compare import show
from envgym.sandboxes.graders.harness.plain_values import NotPlain, decode, encode

MOST_CHARS = 20_000
_CALLED = "_f"


class NotLiteral(ValueError):
    """A text that is not the expected literal; the message says why."""


@dataclass(frozen=True)
class Arguments:
    """Arguments of a call, in wire form.

    Attributes:
        args: Positional ones.
        kwargs: Keyword arguments.
    """

    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...] = ()

    def values(self) -> tuple[list[Any], dict[str, Any]]:
        """Decoded positional and keyword arguments."""
        return [decode(arg) for arg in self.args], {name: decode(v) for name, v in self.kwargs}

    def text(self) -> str:
        """Argument list as Python source, without brackets."""
        named = [f"{name}={show(value, MOST_CHARS)}" for name, value in self.kwargs]
        return ", ".join([*(show(arg, MOST_CHARS) for arg in self.args), *named])


def value_of(text: str) -> Any:
    """Wire form of a literal.

    Raises:
        NotLiteral: The text is something else.
    """
    return _wire(_parsed(text.strip()))


def arguments_of(text: str) -> Arguments:
    """Parse an argument list, without its brackets.

    Raises:
        NotLiteral: The text is no list of literal arguments.
    """
    node = _parsed(f"{_CALLED}(\n{text.strip()}\n)")
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise NotLiteral("it closes the brackets of the call that it stands in")
    if node.func.id != _CALLED:
        raise NotLiteral("it is no list of arguments")
    named: list[tuple[str, Any]] = []
    for keyword in node.keywords:
        if keyword.arg is None:
            raise NotLiteral("it unpacks arguments: write each one out")
        named.append((keyword.arg, _wire(keyword.value)))
    return Arguments(tuple(_wire(arg) for arg in node.args), tuple(named))


def _parsed(source: str) -> ast.expr:
    if len(source) > MOST_CHARS:
        raise NotLiteral(f"it is longer than {MOST_CHARS} characters")
    try:
        return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotLiteral(f"it is no Python literal ({type(error).__name__})") from None


def _wire(node: ast.expr) -> Any:
    try:
        return encode(ast.literal_eval(node))
    except (ValueError, TypeError, RecursionError, MemoryError, SyntaxError):
        raise NotLiteral("it is no Python literal: write the value itself") from None
    except NotPlain as error:
        raise NotLiteral(f"it holds {error}") from None
