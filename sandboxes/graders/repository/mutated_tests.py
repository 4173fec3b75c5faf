"""Mutated tests, which no honest code passes: the same files with wrong expectations.

A solution that pytest has imported shares its process with the tests, and can in principle forge
any result. It cannot distinguish these tests from the real ones, so a solution that forces every
test to pass, answers with objects that equal everything, or reads the expected value off the
asserting line also passes these, and is caught.

``assert f(2) == 4`` becomes ``== 5``. A test without an assert that can be mutated gets one that
never holds.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

_MARK = "another value"
_NEAR = ("approx", "isclose", "assertAlmostEqual")
_EQUAL = ("assertEqual", "assertListEqual", "assertTupleEqual", "assertDictEqual", "assertIs")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def mutate_tests(source: bytes) -> tuple[bytes, frozenset[str]] | None:
    """Mutate a test file; return it with the names of the tests that cannot pass in it.

    Returns:
        None if this Python cannot parse the file.
    """
    try:
        tree = ast.parse(source)
        names = set()
        for node in ast.walk(tree):
            if isinstance(node, Function) and node.name.startswith("test"):
                _falsify_test(node)
                names.add(node.name)
        return ast.unparse(ast.fix_missing_locations(tree)).encode(), frozenset(names)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _falsify_test(test: Function) -> None:
    leaves = any(isinstance(node, ast.Return | ast.Yield) for node in ast.walk(test))
    turned = 0
    if not leaves:  # what stands in the open is reached for certain
        for statement in test.body:
            turned += _falsify(statement)
    if not turned:
        never = ast.parse("assert not 'reached'").body[0]
        test.body.insert(0 if leaves else len(test.body), never)


def _falsify(statement: ast.stmt) -> bool:
    """Make one statement's expectation wrong; return whether that was possible."""
    if isinstance(statement, ast.Assert):
        return _falsify_condition(statement.test)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        if _name(call) in _EQUAL or _name(call) in _NEAR:
            return _replace_literal(call.args, range(min(2, len(call.args))))
    return False


def _falsify_condition(claim: ast.expr) -> bool:
    if isinstance(claim, ast.Call) and _name(claim) in _NEAR:
        return _replace_literal(claim.args, range(min(2, len(claim.args))))
    if not isinstance(claim, ast.Compare) or len(claim.ops) != 1:
        return False
    operator, sides = claim.ops[0], [claim.left, *claim.comparators]
    if isinstance(operator, ast.Eq):
        for side in sides:
            if isinstance(side, ast.Call) and _name(side) == "approx":
                return _replace_literal(side.args, range(min(1, len(side.args))))
        if _replace_literal(sides, (1, 0)):
            claim.left, claim.comparators = sides[0], sides[1:]
            return True
        return False
    if isinstance(operator, ast.Lt | ast.LtE) and _name(claim.left) in ("abs", "fabs"):
        inside = (
            claim.left.args[0] if isinstance(claim.left, ast.Call) and claim.left.args else None
        )
        if isinstance(inside, ast.BinOp) and isinstance(inside.op, ast.Sub):
            sides = [inside.left, inside.right]
            turned = _replace_literal(sides, (1, 0))
            inside.left, inside.right = sides
            return turned
    return False


def _replace_literal(nodes: list[ast.expr], places: Any) -> bool:
    """Replace the first literal at one of these positions by another value."""
    for place in places:
        try:
            value = ast.literal_eval(nodes[place])
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        turned = _other(value, nodes[place])
        if turned is not None:
            nodes[place] = turned
            return True
    return False


def _other(value: Any, node: ast.expr) -> ast.expr | None:
    makers: dict[type, Callable[[], Any]] = {
        type(None): lambda: _MARK,
        bool: lambda: not value,
        int: lambda: value + 1_000_003 if abs(value) > 1000 else value + 1,
        float: lambda: value * 2 + 1e9,
        str: lambda: value + _MARK,
        bytes: lambda: value + _MARK.encode(),
    }
    if type(value) in makers:
        return ast.Constant(makers[type(value)]())
    mark = ast.Constant(_MARK)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        node.elts.append(mark)
        return node
    if isinstance(node, ast.Dict):
        node.keys.append(mark)
        node.values.append(mark)
        return node
    return None


def _name(node: ast.expr) -> str:
    """Last part of the name of the called function."""
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""
