"""Rows of inputs and outputs: APPS and TACO (`input_output`), CodeContests (`public_tests`, …).

Most are whole programs from standard input to standard output; a row with ``fn_name`` is a
function, called with rows of arguments.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from envgym.environments.code.data.row import BadRow, Loaded, Row
from envgym.environments.code.problem import Kind, Problem, Suite, call_row
from envgym.sandboxes.graders.inbox.values import NotPlain

SHOWN = 2
"""Tests that are public where the row does not say which are; the first ones are the samples."""
TOLERANCE = 1e-6
"""Of numbers in outputs: these data sets have no checkers of their own."""
_REFERENCES = 3
_PYTHON3 = 3
_NO_LEVEL = (0, 6)
"""CodeContests' difficulties that are none: unknown, and external."""
_DIFFICULTY = {
    "introductory": 1,
    "interview": 2,
    "competition": 3,
    "easy": 1,
    "medium": 2,
    "medium_hard": 3,
    "hard": 4,
    "very_hard": 5,
}


def apps(row: Row, where: str) -> Loaded:
    """APPS and TACO: ``question``, ``input_output``, ``solutions``, ``difficulty``."""
    tests = row.json("input_output")
    if not isinstance(tests, dict):
        raise BadRow("no input_output in it: nothing would be tested")
    ins, outs = tests.get("inputs"), tests.get("outputs")
    if not isinstance(ins, list) or not isinstance(outs, list) or not ins or len(ins) != len(outs):
        raise BadRow("its input_output has not as many outputs as inputs, or none")
    entry = tests.get("fn_name") or ""
    starter = row.optional("starter_code")
    if entry:
        entry = f"Solution.{entry}" if "class Solution" in starter else entry
        suite = _suite("calls", _calls(ins, outs), SHOWN, entry)
    else:
        suite = _suite("io", _texts(ins, outs), SHOWN)
    statement = row.text("question")
    if starter:
        statement += f"\n\nBegin with:\n{starter.strip()}"
    level = _DIFFICULTY.get(row.optional("difficulty").lower())
    return _loaded(row, where, statement, suite, _solutions(row), level)


def code_contests(row: Row, where: str) -> Loaded:
    """CodeContests: ``description``, tests as ``{"input": […], "output": […]}``, ``solutions``."""
    for name in ("input_file", "output_file"):
        if file := row.optional(name):
            raise BadRow(f"its programs use the file {file!r}, not standard input and output")
    parts = []
    for name in ("public_tests", "private_tests", "generated_tests"):
        tests = row.json(name) or {}
        if not isinstance(tests, dict):
            raise BadRow(f'"{name}" is not {{"input": […], "output": […]}}')
        ins, outs = list(tests.get("input") or ()), list(tests.get("output") or ())
        if len(ins) != len(outs):
            raise BadRow(f'"{name}" has not as many outputs as inputs')
        parts.append(_texts(ins, outs))
    rows = [one for part in parts for one in part]
    if not rows:
        raise BadRow("no tests in it: nothing would be tested")
    level = row.fields.get("difficulty")
    difficulty = float(level) if isinstance(level, int | float) and level not in _NO_LEVEL else None
    suite = replace(_suite("io", rows, len(parts[0])), layout="words")  # as its own judge has it
    return _loaded(row, where, row.text("description"), suite, _by_language(row), difficulty)


def _loaded(
    row: Row,
    where: str,
    statement: str,
    suite: Suite,
    references: list[str],
    level: float | None,
) -> Loaded:
    name = str(row.fields.get("name") or row.fields.get("problem_id") or where)
    problem = Problem(name, statement, suite, difficulty=level)
    return Loaded(where, problem, tuple(references[:_REFERENCES]))


def _suite(kind: Kind, rows: list[dict[str, Any]], shown: int, entry: str = "") -> Suite:
    """The first rows are public, but never all of them."""
    shown = min(shown, len(rows) - 1)
    return Suite(kind, tuple(rows[:shown]), tuple(rows[shown:]), entry, tolerance=TOLERANCE)


def _texts(ins: list[Any], outs: list[Any]) -> list[dict[str, Any]]:
    return [{"stdin": _text(i), "expected": _text(o)} for i, o in zip(ins, outs, strict=True)]


def _text(value: Any) -> str:
    """Input or output as text; some rows give its lines as a list."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    raise BadRow(f"a test's input or output is a {type(value).__name__}, not a text")


def _calls(ins: list[Any], outs: list[Any]) -> list[dict[str, Any]]:
    """Rows of arguments; where every output is a list of one, that one is meant (APPS' custom)."""
    boxed = all(isinstance(out, list) and len(out) == 1 for out in outs)
    try:
        return [
            call_row(args, out[0] if boxed else out) for args, out in zip(ins, outs, strict=True)
        ]
    except (NotPlain, TypeError) as error:
        raise BadRow(f"a test's arguments are not a list of plain values ({error})") from None


def _solutions(row: Row) -> list[str]:
    found = row.json("solutions") or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise BadRow('"solutions" is not a list of texts')
    return found


def _by_language(row: Row) -> list[str]:
    found = row.json("solutions") or {}
    if not isinstance(found, dict):
        raise BadRow('"solutions" is not {"language": […], "solution": […]}')
    pairs = zip(found.get("language") or (), found.get("solution") or (), strict=False)
    return [text for language, text in pairs if language in (_PYTHON3, "PYTHON3")]
