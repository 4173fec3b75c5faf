"""Order in which to try a row's references.

APPS, TACO and CodeContests date from the years of Python 2: many of their solutions do not parse or
call ``raw_input``. A row remains usable where another solution passes its tests.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from envgym.sandboxes.graders import Status, Verdict

MOST = 20
"""Maximum number of references to try per row; a wrong one stops at its first failed test."""
_GONE = """
    raw_input xrange unicode unichr long basestring cmp reduce file execfile reload intern apply
    buffer coerce
"""
_NAMES = frozenset(_GONE.split())
_MODULES = frozenset(
    ["Queue", "StringIO", "cStringIO", "urllib2", "ConfigParser", "__builtin__", "sets"]
)
_CANNOT_RUN = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError")
_OF_PYTHON_2 = re.compile(
    r"AttributeError: .*has no attribute '(?:next|has_key|iter(?:items|keys|values)|maketrans|atoi"
    r"|letters|lowercase|uppercase|maxint|izip|imap|ifilter|decode)'"
    r"|TypeError: '(?:map|filter|zip|range|dict_\w+)' object (?:is not subscriptable"
    r"|does not support item (?:assignment|deletion))"
    r"|TypeError: object of type '(?:map|filter|zip)' has no len"
    r"|AttributeError: '(?:map|filter|zip|range|dict_\w+)' object has no attribute"
)
"""Python 3 errors caused by Python 2 methods, modules and lists in place of iterators."""


def worth_trying(references: Sequence[str]) -> list[str]:
    """Distinct references that parse, those for Python 2 last."""
    trees = {one: tree for one in references if (tree := _parsed(one)) is not None}
    return sorted(trees, key=lambda one: _is_of_python2(trees[one]))[:MOST]


def cannot_run(verdict: Verdict) -> bool:
    """Return whether a reference failed for want of a module or a name: no verdict on its tests."""
    case = verdict.first_failure
    said = [verdict.error, "" if case is None else case.detail]
    last = [line for text in said for line in text.splitlines()[-1:]]
    failed = case is None or case.status in (Status.RE, Status.UNRUN)
    return failed and any(_is_lacking(line.strip()) for line in last)


def _is_lacking(error: str) -> bool:
    """Return whether an exception's line reports a missing name, module or attribute."""
    return error.startswith(_CANNOT_RUN) or _OF_PYTHON_2.match(error) is not None


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_of_python2(tree: ast.Module) -> bool:
    """Return whether a source uses an undefined name or a module that only Python 2 has."""
    used: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in node.names}
            module = getattr(node, "module", None)
            used |= {module} if module else {alias.name for alias in node.names}
    return bool(used & _NAMES - bound) or bool(used & _MODULES)
