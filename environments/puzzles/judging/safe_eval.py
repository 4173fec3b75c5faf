"""Restricted `eval` that keeps judge libraries from executing a model's answer as Python.

Several scorers of reasoning-gym pass an answer to `eval`, and SymPy's parser passes its input to
`eval` with every builtin in reach. The judge process replaces both: an expression is parsed first
and evaluated only if it consists of values, operators and calls of mathematical functions.
"""

from __future__ import annotations

import ast
import sys
from types import CodeType
from typing import Any

import sympy.parsing.sympy_parser as sympy_parser

_NODES = (
    *(ast.Expression, ast.Constant, ast.List, ast.Tuple, ast.Name, ast.Load, ast.Call),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
_CALLABLE = {
    *("Symbol", "Integer", "Float", "Rational", "Function", "factorial", "binomial", "gamma"),
    *("abs", "Abs", "sign", "sqrt", "cbrt", "root", "exp", "log", "ln", "Mod", "Min", "Max"),
    *("gcd", "lcm", "floor", "ceiling", "erf"),
    *("sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "asec", "acsc", "acot"),
    *("sinh", "cosh", "tanh", "sech", "csch", "coth", "asinh", "acosh", "atanh", "acoth"),
}


class Refused(ValueError):
    """Expression that contains more than values and operators."""


def checked(code: object, *, calls: bool) -> str:
    """Return `code` if it holds values and operators only (with `calls`, also calls of
    `_CALLABLE`).

    Raises:
        Refused: The code holds anything else.
    """
    if not isinstance(code, str):
        raise Refused(f"a {type(code).__name__} for an expression")
    tree = ast.parse(code.strip(), mode="eval")
    named = {id(call.func) for call in ast.walk(tree) if isinstance(call, ast.Call)}
    for node in ast.walk(tree):
        bad = not isinstance(node, _NODES)
        if isinstance(node, ast.Call):
            # Function('f')(x) is what SymPy makes of an unknown function.
            bad = not calls or bool(node.keywords) or not isinstance(node.func, ast.Name | ast.Call)
        elif isinstance(node, ast.Name):
            bad = not calls or (id(node) in named and node.id not in _CALLABLE)
        if bad:
            raise Refused(f"{type(node).__name__} in an expression")
    return code.strip()


def evaluate(code: object, *scopes: Any) -> Any:
    """Replacement for `eval`: literals and arithmetic, no names."""
    return eval(checked(code, calls=False), {"__builtins__": {}})


def _evaluate_sympy(code: str | CodeType, local_dict: dict[str, Any], global_dict: Any) -> Any:
    return eval(checked(code, calls=True), global_dict, local_dict)


def _execute(*arguments: Any) -> None:
    raise Refused("a program")


def install(package: str) -> None:
    """Monkey-patch SymPy's parser, and `eval` and `exec` in all loaded modules of `package`."""
    sympy_parser.eval_expr = _evaluate_sympy
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            vars(module).update(eval=evaluate, exec=_execute)
