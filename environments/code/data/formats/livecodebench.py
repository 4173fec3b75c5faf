"""LiveCodeBench rows: public and private tests of programs and methods."""

from __future__ import annotations

from typing import Any

from envgym.environments.code.data.formats.cases import cases_of, suites_of, with_starter
from envgym.environments.code.data.formats.packed_tests import unpacked
from envgym.environments.code.data.formats.prelude import IMPORTS
from envgym.environments.code.data.formats.row import BadRow, Loaded, Row
from envgym.environments.code.problem import Problem

_DIFFICULTY = {"easy": 1, "medium": 2, "hard": 3}


def livecodebench(row: Row, where: str) -> Loaded:
    """LiveCodeBench: ``question_content``, ``public_test_cases``, ``private_test_cases``,
    ``metadata``.

    Tests are lists of ``{"input", "output", "testtype"}``, as JSON or packed. There is no
    reference: rows are taken as they are.
    """
    public = cases_of(_tests(row, "public_test_cases"))
    private = cases_of(_tests(row, "private_test_cases"))
    if not public and not private:
        raise BadRow("no tests in it: nothing would be tested")
    metadata = row.json("metadata")
    name = str(metadata.get("func_name") or "") if isinstance(metadata, dict) else ""
    starter = row.optional("starter_code")
    suites = suites_of([*public, *private], len(public), name, starter)
    title, text = row.optional("question_title").strip(), row.text("question_content")
    statement = with_starter(f"{title}\n\n{text}" if title else text, suites[0], starter)
    problem = Problem(
        str(row.fields.get("question_id") or title or where),
        statement,
        suites[0],
        preamble=IMPORTS,
        difficulty=_DIFFICULTY.get(row.optional("difficulty").lower()),
    )
    return Loaded(where, problem, readings=suites[1:])


def _tests(row: Row, name: str) -> Any:
    value = row.fields.get(name)
    if isinstance(value, str) and value.strip():
        return Row({name: unpacked(value)}).json(name)
    return value
