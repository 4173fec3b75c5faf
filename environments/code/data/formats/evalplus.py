"""EvalPlus rows: inputs with a reference whose results are the expected outputs.

JSON has no tuples, sets or complex numbers. EvalPlus restores the inputs of some MBPP problems by
their number (``mbpp_deserialize_inputs`` in its ``data/mbpp.py``), and so does this module. Results
are compared by EvalPlus' rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from envgym.environments.code.data.formats.asserts import asserts_in, described, doctests
from envgym.environments.code.data.formats.long_integers import expression
from envgym.environments.code.data.formats.row import BadRow, Loaded, Row
from envgym.environments.code.problem import Suite
from envgym.errors import UsageError
from envgym.sandboxes.graders import evalplus

Arguments = list[Any]


def eval_plus(row: Row, where: str) -> Loaded:
    """EvalPlus: ``base_input``, ``plus_input``, ``atol``, ``canonical_solution``."""
    prompt, entry = row.text("prompt"), row.text("entry_point")
    solution = row.text("canonical_solution")
    inputs = [*(row.json("base_input") or []), *(row.json("plus_input") or [])]
    if not inputs or not all(isinstance(one, list) for one in inputs):
        raise BadRow("no base_input in it that is a list of arguments: nothing would be tested")
    inputs = [converted(row.optional("task_id"), one) for one in inputs]
    task, atol = row.optional("task_id"), float(row.fields.get("atol") or 0)
    try:
        tests = evalplus.tests(task, entry, expression(inputs), atol)
    except UsageError as error:
        raise BadRow(str(error)) from None
    public = doctests(prompt, entry) or asserts_in(prompt)[:1]
    prelude = evalplus.prelude(prompt, solution, entry)
    suite = Suite("asserts", tuple(public), (tests,), entry, (evalplus.PROXY,), prelude)
    return described(row, where, prompt, suite)


def converted(task_id: str, args: Arguments) -> Arguments:
    """Convert JSON arguments to the types that MBPP functions take; others stay unchanged.

    Raises:
        BadRow: The arguments do not have the form of the problem's.
    """
    name, _, number = task_id.partition("/")
    change = _CHANGES.get(int(number)) if name == "Mbpp" and number.isdigit() else None
    try:
        return change(args) if change else args
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise BadRow(f"an input of it is not of the form of {task_id}'s ({error})") from None


def _tuples(value: Any) -> Any:
    """Convert lists to tuples, recursively."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _each(change: Callable[[Any], Any]) -> Callable[[Arguments], Arguments]:
    return lambda args: [change(arg) for arg in args]


def _first(change: Callable[[Any], Any]) -> Callable[[Arguments], Arguments]:
    return lambda args: [change(args[0]), *args[1:]]


def _rows(value: Any) -> list[Any]:
    return [tuple(row) for row in value]


def _members(value: Any) -> tuple[Any, ...]:
    return tuple(tuple(one) if isinstance(one, list) else one for one in value)


def _sets(value: Any) -> list[Any]:
    return [set(one) if isinstance(one, list) and one else {} for one in value]


_BY_CHANGE: tuple[tuple[str, Callable[[Arguments], Arguments]], ...] = (
    (
        "2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809",
        _each(tuple),
    ),
    ("63 64 70 94 120 237 272 299 400 409 417 438 473 614 780", _each(_rows)),
    ("75 413 444 753", _first(_rows)),
    ("106 750", lambda args: [args[0], tuple(args[1])]),
    ("115", _first(_sets)),
    ("124", lambda args: [float(args[0]), complex(args[1])]),
    ("250 307 405 446 617 720 763 808", _first(tuple)),
    ("252", _each(complex)),
    ("259 401 445", _each(lambda value: tuple(map(tuple, value)))),
    ("278", _first(_members)),
    ("580 615 791", _each(_tuples)),
    ("722", _first(lambda value: {key: tuple(row) for key, row in value.items()})),
)
_CHANGES = {int(one): change for numbers, change in _BY_CHANGE for one in numbers.split()}
