"""Undefined names in a row's code, such as a forgotten import.

Such code fails for any solution, so the row is rejected with the name.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator
from importlib import import_module

from envgym.environments.code.data.formats.prelude import STARRED

_OF_MODULES = ("__file__", "__name__")


def undefined(source: str, defined: Iterable[str] = ()) -> list[str]:
    """Module-level names that a source reads and never binds, in order.

    Nothing is said of a source that does not parse, or that imports all of a module that is not
    among `STARRED`.

    Args:
        source: Python source; nothing of it runs.
        defined: Names that are there beside the built-ins.
    """
    try:
        top, tree = symtable.symtable(source, "source", "exec"), ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    starred = {
        node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    }
    if not starred <= {*STARRED, "builtins"}:
        return []
    known = {*dir(builtins), *_OF_MODULES, *defined}
    known.update(name for module in starred for name in dir(import_module(module)))
    used: dict[str, None] = {}
    for scope in _scopes(top):
        for symbol in scope.get_symbols():
            of_module = scope is top or symbol.is_global()
            if of_module and (symbol.is_assigned() or symbol.is_imported()):
                known.add(symbol.get_name())
            elif of_module and symbol.is_referenced():
                used[symbol.get_name()] = None
    return [name for name in used if name not in known]


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)
