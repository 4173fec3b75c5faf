"""DeepCoder rows: problems of PrimeIntellect, TACO, LiveCodeBench and Codeforces in one data set.

Its ``tests`` have three forms: TACO's ``{"inputs", "outputs", "fn_name"}``, PrimeIntellect's list
of ``{"type", "fn_name", "input", "output"}``, and LiveCodeBench's list of ``{"input", "output",
"testtype", "metadata"}``.
"""

from __future__ import annotations

from envgym.environments.code.data.formats.cases import SHOWN, cases_of, suites_of, with_starter
from envgym.environments.code.data.formats.prelude import IMPORTS
from envgym.environments.code.data.formats.row import BadRow, Loaded, Row
from envgym.environments.code.problem import Problem
from envgym.parsing.fences import PYTHON, code_of, is_python


def deepcoder(row: Row, where: str) -> Loaded:
    """DeepCoder: ``problem`` (or ``question``, ``prompt``), ``tests``, ``solutions``,
    ``starter_code``.
    """
    tests = row.json("tests")
    if isinstance(tests, dict) and "inputs" not in tests:
        tests = tests.get("test_cases", [tests])
    cases = cases_of(tests)
    if not cases:
        raise BadRow("no tests in it: nothing would be tested")
    starter, metadata = row.optional("starter_code"), row.json("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    name = str(known.get("func_name") or known.get("fn_name") or "")
    suites = suites_of(cases, SHOWN, name, starter)
    statement = with_starter(row.text("problem", "question", "prompt"), suites[0], starter)
    label = next((row.fields[k] for k in ("name", "problem_id", "id") if row.fields.get(k)), where)
    problem = Problem(str(label), statement, suites[0], preamble=IMPORTS)
    return Loaded(where, problem, tuple(_references(row)), suites[1:])


def _references(row: Row) -> list[str]:
    """Solutions of a row; some parts of the data set put them into Markdown fences."""
    text = row.optional("solutions").strip()
    found = [text] if text and not text.startswith("[") else row.json("solutions") or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise BadRow('"solutions" is not a list of texts')
    return [code_of(one, PYTHON, is_python) for one in found]
