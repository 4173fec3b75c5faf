"""Conditional comparison of outputs: the ``compare_when`` of a row, applied to its golden design.

A bus may hold anything while its valid signal is low, and a function may return anything for inputs
that its specification excludes. The golden design is wrapped to output x at such times, and x is
not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envgym.errors import UsageError
from envgym.sandboxes.graders.verilog import Interface
from envgym.sandboxes.graders.verilog.source.lexer import tokens
from envgym.sandboxes.graders.verilog.tools.wrapper import wrapped

EVERY = "*"
"""Key for all outputs except those that conditions read."""
_KINDS = frozenset(["word", "number", "sign"])
_NOT_IN_EXPRESSIONS = frozenset(";#@`$\\=")
_COMPARISONS = ("==", "!=", "<=", ">=")


def conditions(value: Any, where: str) -> dict[str, str]:
    """Conditions by output; a row gives an object of expressions, or one expression for all
    outputs.

    Raises:
        UsageError: Neither form, or a text that is no expression of names, numbers and operators.
    """
    if value is None:
        return {}
    given = {EVERY: value} if isinstance(value, str) else value
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise UsageError(
            f'{where}: compare_when is an object like {{"data": "valid"}}, an expression for each '
            "output, or one expression for all of them"
        )
    for text in given.values():
        bare = text
        for operator in _COMPARISONS:
            bare = bare.replace(operator, " ")
        found = list(tokens(bare))
        odd = [t.text for t in found if t.kind not in _KINDS or t.text in _NOT_IN_EXPRESSIONS]
        if not found or odd:
            raise UsageError(
                f"{where}: compare_when {text!r} is no expression of ports, numbers and operators"
                + (f": {odd[0]}" if odd else "")
            )
    return dict(given)


def compared_when(source: str, interface: Interface, when: Mapping[str, str]) -> str:
    """Golden design that outputs x wherever its outputs are not compared.

    Raises:
        UsageError: A condition is for no output, or reads no port.
    """
    outputs = {port.name: port for port in interface.outputs}
    names = {port.name for port in (*interface.inputs, *interface.outputs)}
    if unknown := [name for name in when if name != EVERY and name not in outputs]:
        raise UsageError(f"compare_when names the output {unknown[0]!r}, which there is not")
    read: set[str] = set()
    for text in when.values():
        words = {token.text for token in tokens(text) if token.kind == "word"}
        if unknown := sorted(words - names):
            raise UsageError(f"compare_when reads {unknown[0]!r}, which is no port")
        read |= words
    drives = {}
    for name, port in outputs.items():
        condition = when.get(name, "" if name in read else when.get(EVERY, ""))
        if condition:
            inner = _of_inner(condition, outputs)
            drives[name] = f"({inner}) ? {{}} : {port.width}'bx"
    return wrapped(source, interface, drives)


def _of_inner(condition: str, outputs: Mapping[str, Any]) -> str:
    """Condition in terms of the golden design's own outputs."""
    for token in reversed(list(tokens(condition))):
        if token.kind == "word" and token.text in outputs:
            end = token.at + len(token.text)
            condition = f"{condition[: token.at]}{{{token.text}}}{condition[end:]}"
    return condition
