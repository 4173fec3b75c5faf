"""Tests of EvalPlus' rows as source: an assert for all inputs, about a reference beside it."""

from __future__ import annotations

from envgym.errors import UsageError
from envgym.sandboxes.graders.nonce_protocol import shipped

PROXY = "candidate"
"""By this name the tests call the function under test: its own is the reference's."""
_ANY = {"Mbpp/164": "are_equivalent"}
"""Functions whose every answer EvalPlus accepts."""

_TESTS = """
import copy
from math import inf, nan

for _args in {inputs}:
    _want = _reference(*copy.deepcopy(_args))
    assert evalplus_agrees({task!r}, {entry!r}, _args, {proxy}(*_args), _want, {atol!r})
"""


def prelude(prompt: str, solution: str, entry_point: str) -> str:
    """EvalPlus' rules and a row's reference: source to run before the tests."""
    return f"{shipped('evalplus')}\n{prompt}{solution}\n_reference = {entry_point}\n"


def tests(task_id: str, entry_point: str, inputs: str, atol: float) -> str:
    """A row's tests, to be run after its `prelude`.

    Args:
        task_id: ``HumanEval/3``, ``Mbpp/3``: some have rules of their own.
        entry_point: The function's name.
        inputs: ``base_input`` and ``plus_input`` as an expression, with the types that the function
            takes: a list of lists of arguments.
        atol: The row's absolute tolerance of floats; 0 for EvalPlus' default.

    Raises:
        UsageError: EvalPlus accepts any answer to it.
    """
    if _ANY.get(task_id) == entry_point:
        raise UsageError(f"EvalPlus accepts any answer of {entry_point}: nothing would be tested")
    return _TESTS.format(task=task_id, entry=entry_point, inputs=inputs, atol=atol, proxy=PROXY)
