"""Source of EvalPlus' tests: one assert over all inputs, against a reference beside it."""

from __future__ import annotations

from envgym.errors import UsageError
from envgym.sandboxes.graders.nonce_protocol import shipped

PROXY = "candidate"
"""Name of the function under test in the tests; its own name is the reference's."""
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
    """Source to run before the tests: EvalPlus' rules and the reference."""
    return f"{shipped('evalplus')}\n{prompt}{solution}\n_reference = {entry_point}\n"


def tests(task_id: str, entry_point: str, inputs: str, atol: float) -> str:
    """Source of a row's tests, to run after its `prelude`.

    Args:
        task_id: ``HumanEval/3``, ``Mbpp/3``: some tasks have rules of their own.
        entry_point: Name of the function.
        inputs: ``base_input`` and ``plus_input`` as an expression, with the types that the function
            takes: a list of lists of arguments.
        atol: Absolute tolerance of floats; 0 for EvalPlus' default.

    Raises:
        UsageError: EvalPlus accepts any answer to this task.
    """
    if _ANY.get(task_id) == entry_point:
        raise UsageError(f"EvalPlus accepts any answer of {entry_point}: nothing would be tested")
    return _TESTS.format(task=task_id, entry=entry_point, inputs=inputs, atol=atol, proxy=PROXY)
