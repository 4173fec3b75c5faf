"""Names of a program that refer to built-ins; a variable called ``input`` does not.

Python's own compiler resolves the scope of each name (``symtable``). A local name of a function
never refers to a built-in. A module-level name does until it is bound, so it counts as a variable
only where a plain statement binds it before every use and nothing deletes it.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Collection, Iterator

_Place = tuple[int, int]


def built_ins_used(program: str, tree: ast.Module, names: Collection[str]) -> list[str]:
    """Names out of `names` that may refer to a built-in somewhere in a program, in order.

    Args:
        program: Python source that parses.
        tree: Its syntax tree.
        names: Names of built-ins to look for.
    """
    try:
        table = symtable.symtable(program, "program", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # "return" outside a function
        return sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & {*names})
    added = {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
    }
    found = dict.fromkeys(
        symbol.get_name()
        for scope in _scopes(table)
        for symbol in _of_module(scope)
        if symbol.get_name() in names and (symbol.is_referenced() or symbol.get_name() in added)
    )
    return [name for name in found if not _is_variable(name, tree)]


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _of_module(scope: symtable.SymbolTable) -> Iterator[symtable.Symbol]:
    """Names that a scope looks up in the module and then among the built-ins."""
    for symbol in scope.get_symbols():
        if scope.get_type() != "function" or symbol.is_global():
            yield symbol


def _is_variable(name: str, tree: ast.Module) -> bool:
    """Return whether a module statement binds a name before any use."""
    begun = next((_end(node) for node in tree.body if name in _bound(node)), None)
    if begun is None:
        return False
    uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name]
    loads = [(n.lineno, n.col_offset) for n in uses if isinstance(n.ctx, ast.Load)]
    unbound = any(isinstance(n.ctx, ast.Del) for n in uses) or any(
        isinstance(n, ast.ExceptHandler) and n.name == name for n in ast.walk(tree)
    )
    return not unbound and all(place > begun for place in loads)


def _bound(node: ast.stmt) -> set[str]:
    """Names that a statement certainly binds."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _end(node: ast.stmt) -> _Place:
    """Position at which a statement has bound its name: its end, or the head of a function."""
    if isinstance(node, ast.FunctionDef):
        return node.body[0].lineno, node.body[0].col_offset - 1
    return node.end_lineno or node.lineno, node.end_col_offset or 0
