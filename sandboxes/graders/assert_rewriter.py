"""Rewriter of a task's own tests that makes every assert count.

A harness that only waits for the tests to end believes a loop over an empty list. Here every
``assert`` reports that it held, and one that failed does not stop those after it, so that a share
of tests can be rewarded. Every handler and ``with`` reports that it saw an exception. Parsing
executes nothing; the tests run in a sandbox.
"""

from __future__ import annotations

import ast
import secrets
from dataclasses import dataclass, replace
from functools import lru_cache

from envgym.errors import UsageError

_TRIES = (ast.Try, ast.TryStar)
_BRANCHES = (ast.If, ast.While, ast.Match)
_WITHS = (ast.With, ast.AsyncWith)
_EXPECTING = {"raises", "assertRaises", "assertRaisesRegex", "suppress"}
_KEPT = 1024

Hooks = tuple[str, str, str]


@dataclass(frozen=True)
class Rewritten:
    """Rewritten tests.

    Attributes:
        source: The rewritten source.
        sites: Source of each assert, by number.
        required: Numbers of the asserts outside any branch, each of which has to hold at least
            once. A ``for`` is no branch: a loop that never ran has tested nothing.
        hooks: Names that the source calls to report a pass, a failure, and an exception seen by one
            of its own handlers.
    """

    source: str
    sites: tuple[str, ...]
    required: frozenset[int]
    hooks: Hooks


def rewrite(source: str) -> Rewritten:
    """Rewrite a test source so that each assert reports its result.

    Raises:
        UsageError: The source does not parse, or holds no assert.
    """
    kept = _rewritten(source)
    hooks = _hooks()
    text = kept.source
    for before, after in zip(kept.hooks, hooks, strict=True):
        text = text.replace(before, after)
    return replace(kept, source=text, hooks=hooks)


def _hooks() -> Hooks:
    """Make names that no test or solution can know, even from earlier verdicts."""
    passed, failed, saw = (
        f"_{name}_{secrets.token_hex(8)}" for name in ("passed", "failed", "saw")
    )
    return passed, failed, saw


@lru_cache(_KEPT)
def _rewritten(source: str) -> Rewritten:
    """Rewrite without the random names; a task's many verdicts share the result."""
    try:
        tree = ast.parse(source)
        hooks = _hooks()
        counting = _Counting(hooks)
        tree.body = counting.block(tree.body)
        text = ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"the tests do not parse: {error}") from None
    if not counting.sites:
        raise UsageError("the tests hold no assert: nothing would be tested")
    return Rewritten(text, tuple(counting.sites), frozenset(counting.required), hooks)


class _Counting:
    """Transformer of statements; expressions hold no assert and are not walked."""

    def __init__(self, hooks: Hooks) -> None:
        self.sites: list[str] = []
        self.required: set[int] = set()
        self._hooks = hooks
        self._branches = 0
        self._tries = 0

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Statements of a body with every assert rewritten."""
        return [made for node in body for made in self._statement(node)]

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(node, ast.Assert):
            return self._counted(node)
        attempt = isinstance(node, _TRIES) or _expects(node)
        branch = attempt or isinstance(node, _BRANCHES)
        self._branches += branch
        self._tries += attempt
        self._inside(node)
        self._branches -= branch
        self._tries -= attempt
        if isinstance(node, _WITHS):
            saw = ast.ExceptHandler(ast.Name("BaseException"), None, [self._saw(), ast.Raise()])
            node.body = [ast.Try(node.body, [saw], [], [])]
        return [node]

    def _saw(self) -> ast.stmt:
        return _call(self._hooks[2])

    def _inside(self, node: ast.AST) -> None:
        for name in node._fields:  # in the source's order, and so are the numbers of asserts
            if name in ("body", "orelse", "finalbody"):
                setattr(node, name, self.block(getattr(node, name)))
            elif name in ("handlers", "cases"):
                for part in getattr(node, name):
                    self._inside(part)
                    if isinstance(part, ast.ExceptHandler):
                        part.body.insert(0, self._saw())

    def _counted(self, node: ast.Assert) -> list[ast.stmt]:
        site = len(self.sites)
        self.sites.append(ast.unparse(node))
        if not self._branches:
            self.required.add(site)
        number = ast.Constant(site)
        passed = _call(self._hooks[0], number)
        if self._tries:  # a `try` of the tests' own may wait for it to fail
            return [node, passed]
        error = f"_error{self._hooks[1]}"
        failed = _call(self._hooks[1], number, ast.Name(error))
        handler = ast.ExceptHandler(ast.Name("BaseException"), error, [failed])
        return [ast.Try([node], [handler], [passed], [])]


def _expects(node: ast.stmt) -> bool:
    """Return whether the statement is a ``with`` that expects an exception."""
    if not isinstance(node, _WITHS):
        return False
    makers = [
        item.context_expr.func for item in node.items if isinstance(item.context_expr, ast.Call)
    ]
    names = [
        made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "") for made in makers
    ]
    return not _EXPECTING.isdisjoint(names)


def _call(name: str, *arguments: ast.expr) -> ast.stmt:
    return ast.Expr(ast.Call(ast.Name(name), [*arguments], []))
