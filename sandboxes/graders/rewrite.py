"""A task's own tests, rewritten so that each assert counts.

A harness that only waits for the tests to end believes a loop over an empty list. Here every
``assert`` reports that it held, and one that failed does not stop those after it, so that a share
of tests can be rewarded. Parsing executes nothing; the tests run in a box.
"""

from __future__ import annotations

import ast
import secrets
from dataclasses import dataclass
from typing import Any

from envgym.errors import UsageError

_BRANCHES = (ast.If, ast.While, ast.Try, ast.TryStar, ast.Match, ast.ExceptHandler)


@dataclass(frozen=True)
class Rewritten:
    """Tests that count.

    Attributes:
        source: The rewritten source.
        sites: The source of each assert, by number.
        required: The numbers of those that no branch guards: each has to hold at least once. A
            ``for`` is no branch: a loop that never ran has tested nothing.
        hooks: The names by which the source reports a pass and a failure.
    """

    source: str
    sites: tuple[str, ...]
    required: frozenset[int]
    hooks: tuple[str, str]


def rewrite(source: str) -> Rewritten:
    """Make each assert of a test source count.

    Raises:
        UsageError: The source does not parse, or holds no assert.
    """
    try:
        tree = ast.parse(source)
        hooks = f"_passed_{secrets.token_hex(4)}", f"_failed_{secrets.token_hex(4)}"
        counting = _Counting(hooks)
        counting.visit(tree)
        text = ast.unparse(ast.fix_missing_locations(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"the tests do not parse: {error}") from None
    if not counting.sites:
        raise UsageError("the tests hold no assert: nothing would be tested")
    return Rewritten(text, tuple(counting.sites), frozenset(counting.required), hooks)


class _Counting(ast.NodeTransformer):
    def __init__(self, hooks: tuple[str, str]) -> None:
        self.sites: list[str] = []
        self.required: set[int] = set()
        self._hooks = hooks
        self._branches = 0
        self._tries = 0

    def visit(self, node: ast.AST) -> Any:
        branch, attempt = isinstance(node, _BRANCHES), isinstance(node, ast.Try | ast.TryStar)
        self._branches += branch
        self._tries += attempt
        seen = super().visit(node)
        self._branches -= branch
        self._tries -= attempt
        return seen

    def visit_Assert(self, node: ast.Assert) -> ast.stmt | list[ast.stmt]:
        site = len(self.sites)
        self.sites.append(ast.unparse(node))
        if not self._branches:
            self.required.add(site)
        passed = ast.parse(f"{self._hooks[0]}({site})").body
        if self._tries:  # a `try` of the tests' own may wait for it to fail
            return [node, *passed]
        error = f"_error{self._hooks[1]}"
        report = f"{self._hooks[1]}({site}, {error})"
        shell = ast.parse(f"try: ...\nexcept BaseException as {error}: {report}")
        attempt = shell.body[0]
        assert isinstance(attempt, ast.Try)
        attempt.body = [node]
        attempt.orelse = passed
        return attempt
