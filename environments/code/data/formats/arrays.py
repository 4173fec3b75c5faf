"""Numpy-free version of the test code of HumanEval+ and MBPP+, which compares floats only.

The original tests import numpy for ``allclose``; most sandboxes have the standard library alone. A
few lines replace numpy where that suffices and numpy cannot be imported.
"""

from __future__ import annotations

import ast

_NAMES = """
    allclose isclose array_equal isnan isinf abs inf nan ndarray float32 float64
    testing.assert_allclose testing.assert_almost_equal
"""
_USED = frozenset(_NAMES.split())
_ASSERTING = ("assert_allclose", "assert_almost_equal")

STAND_IN = """
def _numpy():
    import math, sys, types

    try:
        import numpy
    except ImportError:
        pass
    else:
        return numpy

    def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
        if isinstance(a, (list, tuple)) or isinstance(b, (list, tuple)):
            many = isinstance(a, (list, tuple)), isinstance(b, (list, tuple))
            if all(many) and len(a) != len(b):
                raise ValueError("operands could not be broadcast together")
            pairs = zip(a if many[0] else [a] * len(b), b if many[1] else [b] * len(a))
            return all([isclose(x, y, rtol, atol, equal_nan) for x, y in pairs])
        if not isinstance(a, (int, float, complex)) or not isinstance(b, (int, float, complex)):
            raise TypeError("ufunc 'isfinite' not supported for the input types")
        if a == b or abs(a) == math.inf or abs(b) == math.inf:
            return a == b
        if a != a or b != b:
            return equal_nan and a != a and b != b
        return abs(a - b) <= atol + rtol * abs(b)

    def assert_allclose(a, b, rtol=1e-07, atol=0, equal_nan=True):
        assert isclose(a, b, rtol, atol, equal_nan), f"not equal to tolerance: {a} and {b}"

    def assert_almost_equal(actual, desired, decimal=7):
        near = isclose(actual, desired, 0, 1.5 * 10**-decimal, True)
        assert near, f"not almost equal: {actual} and {desired}"

    def array_equal(a, b):
        try:
            return isclose(a, b, 0, 0)
        except (TypeError, ValueError):
            return a == b

    made = types.ModuleType("numpy")
    made.testing = types.ModuleType("numpy.testing")
    made.allclose = made.isclose = isclose
    made.array_equal, made.abs, made.inf, made.nan = array_equal, abs, math.inf, math.nan
    made.isnan, made.isinf = math.isnan, math.isinf
    made.testing.assert_allclose = assert_allclose
    made.testing.assert_almost_equal = assert_almost_equal
    for name in ("ndarray", "float32", "float64"):
        setattr(made, name, type(name, (), {}))
    sys.modules["numpy"], sys.modules["numpy.testing"] = made, made.testing
    return made

_numpy()
"""


def without_arrays(test: str) -> tuple[str, str]:
    """Replace numpy in test code; returns the code and its preamble (`STAND_IN` or nothing).

    A bare ``assert_allclose(…)`` becomes an assert, for it is one: asserts are what is counted.
    """
    if "numpy" not in test:
        return test, ""
    try:
        tree = ast.parse(test)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return test, ""  # a later check rejects it with the reason
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "numpy"
    }
    changed = ast.unparse(_Counted().visit(tree))
    return changed, STAND_IN if _attributes(tree, names) <= _USED else ""


class _Counted(ast.NodeTransformer):
    """Rewrite statements that call ``assert_allclose`` or a variant into assert statements."""

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        """See ``ast.NodeVisitor``."""
        call = node.value
        if isinstance(call, ast.Call) and _dotted(call.func).split(".")[-1] in _ASSERTING:
            none = ast.Compare(call, [ast.Is()], [ast.Constant(None)])
            return ast.copy_location(ast.Assert(none), node)
        return node


def _attributes(tree: ast.AST, names: set[str]) -> set[str]:
    """Names of numpy that the code uses; those of its test module with ``testing.`` before them."""
    dotted = [_dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    used = {name.partition(".")[2] for name in dotted if name.partition(".")[0] in names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "numpy":
            inner = f"{node.module}.".partition(".")[2]
            used |= {f"{inner}{alias.name}" for alias in node.names}
    return used - {"testing"}


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
