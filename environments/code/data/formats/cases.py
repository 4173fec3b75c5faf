"""Suites from rows of inputs and outputs, in the spellings of the data sets.

Covers whole programs (texts) and functions (values): parallel lists as in APPS and TACO, lists of
tests as in LiveCodeBench and PrimeIntellect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from envgym.environments.code.data.formats.row import BadRow, Row
from envgym.environments.code.problem import Kind, Suite, call_row
from envgym.sandboxes.graders.harness.plain_values import NotPlain

SHOWN = 2
"""Number of public tests where the row does not mark them; the first tests are the samples."""
TOLERANCE = 1e-6
"""Tolerance for numbers in outputs, for data sets without checkers of their own."""
_FUNCTIONAL = ("functional", "function_call")
_RETURNS = re.compile(r"->\s*([^:\n]+?)\s*:")
_DEFINED = re.compile(r"^[ \t]*def[ \t]+(\w+)", re.MULTILINE)
_LISTS = ("List", "list", "Sequence", "Iterable")
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")


@dataclass(frozen=True)
class Case:
    """One test: an input and its expected output.

    Attributes:
        given: Standard input, or arguments: a list of values, or their JSON, one a line.
        wanted: Standard output, or a value, or the JSON of one.
        function: The function's name; "" for a whole program, or where another field names it.
        is_call: Whether it calls a function; None where the test does not say.
    """

    given: Any
    wanted: Any
    function: str = ""
    is_call: bool | None = None


def cases_of(tests: Any) -> list[Case]:
    """Read the tests of a field.

    Raises:
        BadRow: The field has another form, or unequal numbers of inputs and outputs.
    """
    if tests is None or tests == "":
        return []
    if isinstance(tests, dict):
        ins, outs = tests.get("inputs"), tests.get("outputs")
        if not isinstance(ins, list) or not isinstance(outs, list) or len(ins) != len(outs):
            raise BadRow(
                'its tests are not {"inputs": […], "outputs": […]} with as many outputs as inputs'
            )
        name = str(tests.get("fn_name") or "")
        return [Case(i, o, name) for i, o in zip(ins, outs, strict=True)]
    if not isinstance(tests, list) or not all(isinstance(one, dict) for one in tests):
        raise BadRow("its tests are neither an object nor a list of objects")
    return [_case(one) for one in tests]


def _case(test: dict[str, Any]) -> Case:
    if "input" not in test or "output" not in test:
        raise BadRow("a test has no input or no output")
    row = Row(test)
    metadata = row.json("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    name = str(test.get("fn_name") or known.get("func_name") or "")
    kind = test.get("testtype") or test.get("type") or ""
    return Case(test["input"], test["output"], name, kind in _FUNCTIONAL if kind else None)


def suites_of(
    cases: Sequence[Case], shown: int, name: str = "", starter: str = ""
) -> tuple[Suite, ...]:
    """Build a suite whose first tests are public, with its alternative readings.

    Where their form leaves open what they mean, the first suite takes any reading of a result, and
    each of the others is one reading, the likeliest first.

    Args:
        cases: One at least.
        shown: Public ones; never all of them.
        name: The function's, where the tests do not name it.
        starter: The code that the row begins a solution with.

    Raises:
        BadRow: The tests are of two kinds, or call a function that nobody names.
    """
    kinds = {
        bool(case.function or name) if case.is_call is None else case.is_call for case in cases
    }
    if len(kinds) > 1:
        raise BadRow("some of its tests are calls and others whole programs")
    if kinds == {False}:
        return (made("io", texts([c.given for c in cases], [c.wanted for c in cases]), shown),)
    names = {case.function for case in cases} - {""} or {name} - {""}
    if len(names) != 1:
        raise BadRow("its tests call a function, and nothing in it says which one")
    entry = names.pop()
    if "class Solution" in starter and "." not in entry:
        entry = f"Solution.{entry}"
    rows = [_values(case) for case in cases]
    written = all(isinstance(case.given, str) for case in cases)
    readings = _readings(rows, starter, written)
    begun = _DEFINED.findall(starter)
    if begun and entry.rpartition(".")[2] not in begun:
        raise BadRow(f"its tests call {entry}, and its starter code defines {', '.join(begun)}")
    found = [made("calls", one, shown, entry) for one in readings]
    return (made("calls", _open(readings), shown, entry), *(found if len(found) > 1 else ()))


def _open(readings: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """First reading, with the results that other rows state for the same arguments."""
    first, *rest = readings
    same = [
        one for one in rest if all(a["args"] == b["args"] for a, b in zip(first, one, strict=True))
    ]
    if not same:
        return first
    columns = zip(first, *same, strict=True)
    return [{**row, "or": [one["expected"] for one in others]} for row, *others in columns]


def made(kind: Kind, rows: list[dict[str, Any]], shown: int, entry: str = "") -> Suite:
    """Build a suite with `shown` public rows, but never all of them."""
    shown = min(shown, len(rows) - 1)
    return Suite(kind, tuple(rows[:shown]), tuple(rows[shown:]), entry, tolerance=TOLERANCE)


def texts(ins: list[Any], outs: list[Any]) -> list[dict[str, Any]]:
    """Rows of input text and output text."""
    return [{"stdin": _text(i), "expected": _text(o)} for i, o in zip(ins, outs, strict=True)]


def _text(value: Any) -> str:
    """Input or output as text; some rows give its lines as a list."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    raise BadRow(f"a test's input or output is a {type(value).__name__}, not a text")


def _values(case: Case) -> tuple[list[Any], Any]:
    """Arguments and result of a call."""
    if isinstance(case.given, str):
        lines = [line for line in case.given.split("\n") if line.strip()]
        args = [Row({"input": line}).json("input") for line in lines]
        wanted = case.wanted
        return args, Row({"output": wanted}).json("output") if isinstance(wanted, str) else wanted
    if not isinstance(case.given, list):
        raise BadRow("a test's arguments are not a list of plain values")
    return case.given, case.wanted


def _readings(
    rows: list[tuple[list[Any], Any]], starter: str, written: bool
) -> list[list[dict[str, Any]]]:
    """Possible readings of rows that come from JSON.

    APPS puts each result into a list of its own, and JSON makes a text of each key of a dict; a
    function may as well give lists of one, and take dicts of texts.
    """
    found = [[(args, out[0]) for args, out in rows]] if not written and _boxed(rows) else []
    returns = _RETURNS.search(starter)
    lists = returns is not None and returns[1].startswith(_LISTS)
    if not found or (lists and not any(isinstance(out, list) for _, out in found[0])):
        found = [rows]
    elif returns is None or lists:
        found.append(rows)
    keyed = [[(_whole_keys(a), _whole_keys(out)) for a, out in one] for one in found]
    readings = [one for pair in zip(keyed, found, strict=True) for one in pair]
    try:
        made_of = [[call_row(args, out) for args, out in one] for one in readings]
    except NotPlain as error:
        raise BadRow(f"a test's arguments are not a list of plain values ({error})") from None
    return [one for i, one in enumerate(made_of) if one not in made_of[:i]]


def _boxed(rows: list[tuple[list[Any], Any]]) -> bool:
    return all(isinstance(out, list) and len(out) == 1 for _, out in rows)


def _whole_keys(value: Any) -> Any:
    """Value whose dicts with only integer-like keys have int keys."""
    if isinstance(value, list):
        return [_whole_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    whole = all(_WHOLE.fullmatch(key) for key in value)
    return {int(key) if whole else key: _whole_keys(item) for key, item in value.items()}


def with_starter(statement: str, suite: Suite, starter: str) -> str:
    """Statement followed by the starter code, or by the name of the function to write."""
    if starter.strip():
        return f"{statement}\n\nBegin with:\n{starter.strip()}"
    name = suite.entry_point.rpartition(".")[2]
    if name and name not in statement:
        return f"{statement}\n\nWrite the function {name}."
    return statement
