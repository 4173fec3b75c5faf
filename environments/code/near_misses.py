"""Almost right programs that are wrong by construction, for testing a judge.

Each is derived from the reference: its results slightly changed, for all inputs or for hidden tests
only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envgym.environments.code.problem import Problem, Suite
from envgym.sandboxes.graders.harness.plain_values import decode

_CHANGED = """
def _changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value + 1 if abs(value) < 1e9 else 0.5
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, (list, tuple)):
        return type(value)([*value, "x"]) if type(value) in (list, tuple) else [*value, "x"]
    if isinstance(value, (set, frozenset)):
        return value | {"x"} if "x" not in value else value - {"x"}
    if isinstance(value, dict):
        return {**value, "x": "x"} if "x" not in value else {}
    return 0

_SPACE = dict(globals())
"""
_FUNCTION = """
exec({source!r}, _SPACE)

def {name}(*args, **kwargs):
    known = {known}
    for given, result in known:
        if not kwargs and list(args) == given:
            return result
    return _changed(_SPACE[{name!r}](*args, **kwargs))
"""
_METHOD = """
exec({source!r}, _SPACE)

class {kind}:
    def {name}(self, *args, **kwargs):
        return _changed(getattr(_SPACE[{kind!r}](), {name!r})(*args, **kwargs))
"""
_PROGRAM = """
import contextlib, io, sys
_GIVEN = sys.stdin.read()
sys.stdin = io.StringIO(_GIVEN)
_out = io.StringIO()
with contextlib.redirect_stdout(_out):
    try:
        exec({source!r}, _SPACE)
    except SystemExit:
        pass
_text = _out.getvalue().rstrip()
_head, _last = _text[:-1], _text[-1:]
if _GIVEN in {known}:
    print(_text)
elif _last.isdigit() and _text.split()[-1].isdigit():
    print(_head + str((int(_last) + 1) % 10))
else:
    print(_text + "x")
"""


def wrong_programs(problem: Problem) -> Iterator[str]:
    """Wrong programs; only the empty one where there is no reference."""
    yield ""
    suite, source = problem.suite, problem.reference
    kind, _, name = suite.entry_in(source).rpartition(".")
    if not source:
        return
    if suite.kind == "io":
        yield _CHANGED + _PROGRAM.format(source=source, known=[])
        if _has_others(suite, "stdin"):
            known = [row["stdin"] for row in suite.public]
            yield _CHANGED + _PROGRAM.format(source=source, known=known)
        return
    names = [name] if name else list(suite.names)
    if kind:
        yield _CHANGED + _METHOD.format(source=source, kind=kind, name=name)
    elif f"def {names[0]}" in source:
        yield _CHANGED + _FUNCTION.format(source=source, name=names[0], known=[])
        if suite.kind == "calls" and _has_others(suite, "args"):
            known = [_known(row) for row in suite.public]
            yield _CHANGED + _FUNCTION.format(source=source, name=name, known=known)


def _has_others(suite: Suite, field: str) -> bool:
    """Return whether some tests are public and a hidden one has an input that no public one has."""
    seen = [row[field] for row in suite.public]
    return bool(seen) and any(row[field] not in seen for row in suite.hidden)


def _known(row: Any) -> tuple[Any, Any]:
    return decode(row["args"]), decode(row["expected"])
