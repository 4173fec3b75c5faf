"""Grader of functions by arguments and expected values (APPS' call-based rows, LeetCode's).

The expected value stays with the host, which compares plain values: the solution's sandbox receives
arguments only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend
from envgym.sandboxes.graders.compare import Equality, show
from envgym.sandboxes.graders.harness.plain_values import NotPlain, encode
from envgym.sandboxes.graders.nonce_protocol import answer_bytes
from envgym.sandboxes.graders.offload import offload
from envgym.sandboxes.graders.solution_proxy import Answer, BoxedSolution, payload_of
from envgym.sandboxes.graders.verdict import CaseResult, Status, Verdict
from envgym.sandboxes.limits import Limits


@dataclass(frozen=True)
class CallCase:
    """One call and its expected value.

    Attributes:
        name: ``function``, or ``Class.method`` for a method of a new object.
        args: Plain values.
        expected: A plain value.
        kwargs: Plain values by name.
        hidden: Whether the model may see the status only.
    """

    name: str
    args: Sequence[Any]
    expected: Any
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    hidden: bool = False


async def grade_calls(
    backend: Backend,
    source: str,
    cases: Sequence[CallCase],
    *,
    equal: Equality = Equality(),  # noqa: B008  (frozen)
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    budget_s: float = 60.0,
    stop_early: bool = False,
) -> Verdict:
    """Grade a Python source by calls of its functions.

    Args:
        backend: Backend of the solution's sandbox.
        source: The solution.
        cases: The tests; with none of them nothing passes.
        equal: Rule of equality with the expected value.
        limits: Limits of each call.
        budget_s: Wall-clock seconds of all calls.
        stop_early: Whether the first failure leaves the rest UNRUN.

    Raises:
        UsageError: An argument or an expected value is no plain value.
        Fault: The sandbox broke.
    """
    wires = [_wires(case, number) for number, case in enumerate(cases, 1)]
    longest = max((len(json.dumps(want)) for _, _, want in wires), default=0)
    most = answer_bytes(limits, longest)
    solution = BoxedSolution(backend, source, limits=limits, budget_s=budget_s, answer=most)
    results: list[CaseResult] = []
    try:
        for number, (case, (args, kwargs, want)) in enumerate(zip(cases, wires, strict=True), 1):
            name = f"test {number}"
            if stop_early and results and results[-1].status is not Status.PASS:
                results.append(CaseResult(name, Status.UNRUN, hidden=case.hidden))
                continue
            answer = await solution.call(case.name, payload_of(args, kwargs))
            status = answer.status
            if answer.is_value and not await offload(longest, equal, want, answer.wire):
                status = Status.WRONG
            detail = "" if status is Status.PASS else _words(case, args, kwargs, want, answer)
            results.append(CaseResult(name, status, detail, case.hidden))
    finally:
        await solution.close()
    return Verdict(tuple(results), len(cases))


def _wires(case: CallCase, number: int) -> tuple[list[Any], dict[str, Any], Any]:
    try:
        kwargs = {name: encode(value) for name, value in case.kwargs.items()}
        return [encode(value) for value in case.args], kwargs, encode(case.expected)
    except NotPlain as error:
        raise UsageError(f"test {number} holds {error}: rows are of plain values") from None


def _words(
    case: CallCase, args: list[Any], kwargs: dict[str, Any], want: Any, answer: Answer
) -> str:
    inside = [*map(show, args), *(f"{name}={show(value)}" for name, value in kwargs.items())]
    got = f"it gave {show(answer.wire)}" if answer.is_value else answer.detail
    return f"{case.name}({', '.join(inside)}) should give {show(want)}\n{got}"
