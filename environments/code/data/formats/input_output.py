"""Row formats of inputs and outputs: APPS, TACO (`input_output`), CodeContests (`public_tests`, …).

Most are whole programs from standard input to standard output; a row with ``fn_name`` is a
function, called with rows of arguments.
"""

from __future__ import annotations

from dataclasses import replace

from envgym.environments.code.data.formats.cases import (
    SHOWN,
    cases_of,
    made,
    suites_of,
    texts,
    with_starter,
)
from envgym.environments.code.data.formats.prelude import IMPORTS
from envgym.environments.code.data.formats.row import BadRow, Loaded, Row
from envgym.environments.code.problem import Problem, Suite

_PYTHON3 = 3
_NO_LEVEL = (0, 6)
"""Difficulty codes of CodeContests without a meaning: unknown and external."""
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
    cases = cases_of(tests)
    if not cases:
        raise BadRow("its input_output is empty: nothing would be tested")
    starter = row.optional("starter_code")
    suites = suites_of(cases, SHOWN, starter=starter)
    statement = with_starter(row.text("question"), suites[0], starter)
    level = _DIFFICULTY.get(row.optional("difficulty").lower())
    return _loaded(row, where, statement, suites, _solutions(row), level)


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
        parts.append(texts(ins, outs))
    rows = [one for part in parts for one in part]
    if not rows:
        raise BadRow("no tests in it: nothing would be tested")
    level = row.fields.get("difficulty")
    difficulty = float(level) if isinstance(level, int | float) and level not in _NO_LEVEL else None
    suite = replace(made("io", rows, len(parts[0])), layout="words")  # as in APPS' own judge
    return _loaded(row, where, row.text("description"), (suite,), _by_language(row), difficulty)


def _loaded(
    row: Row,
    where: str,
    statement: str,
    suites: tuple[Suite, ...],
    references: list[str],
    level: float | None,
) -> Loaded:
    name = str(row.fields.get("name") or row.fields.get("problem_id") or where)
    problem = Problem(name, statement, suites[0], preamble=IMPORTS, difficulty=level)
    return Loaded(where, problem, tuple(references), suites[1:])


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
