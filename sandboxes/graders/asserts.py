"""Grader of functions by a data set's own asserts: HumanEval's ``check(candidate)``, MBPP's lists.

Such tests are unchecked code, so they run in a sandbox of their own, where the function under test
is a proxy (``harness/assert_runner.py``). The host carries each call to the solution's sandbox and
its answer back, counts the asserts, and takes the verdict from a line that begins with a nonce
which the solution's sandbox never holds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from envgym.sandboxes.base import Backend, Session
from envgym.sandboxes.graders.assert_rewriter import Rewritten, rewrite
from envgym.sandboxes.graders.compare import show
from envgym.sandboxes.graders.harness.plain_values import NotPlain, dump, load
from envgym.sandboxes.graders.nonce_protocol import (
    answer_bytes,
    frame,
    nonce,
    patient,
    start_harness,
)
from envgym.sandboxes.graders.offload import offload
from envgym.sandboxes.graders.solution_proxy import Answer, BoxedSolution, ending
from envgym.sandboxes.graders.verdict import CaseResult, Status, Verdict
from envgym.sandboxes.limits import Limits

_CALLS = 100_000
_CALLS_SHOWN = 1000


@dataclass(frozen=True)
class AssertTests:
    """Tests of a task as code.

    Attributes:
        source: The tests, down to the call that starts them: ``check(candidate)``.
        names: Names of the function under test in the tests: each becomes a proxy, which calls the
            solution's function `entry_point`, or the one of its own name where that is empty.
        entry_point: Name of the function in the solution.
        prelude: Code that runs before the proxies are put in place: HumanEval's prompt (its
            helpers), MBPP's imports.
        hidden: Whether the model may see the status of the tests only.
    """

    source: str
    names: Sequence[str]
    entry_point: str = ""
    prelude: str = ""
    hidden: bool = False


async def grade_asserts(
    backend: Backend,
    source: str,
    tests: AssertTests,
    *,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    budget_s: float = 60.0,
) -> Verdict:
    """Grade a Python source by asserts about a proxy of its function.

    Args:
        backend: Backend of the two sandboxes.
        source: The solution.
        tests: Tests of the task.
        limits: Limits of each call of the solution; the tests have at least ten seconds between two
            calls.
        budget_s: Wall-clock seconds of all calls.

    Raises:
        UsageError: The tests do not parse or hold no assert.
        Fault: The sandbox broke.
    """
    counted = await offload(len(tests.source), rewrite, tests.source)
    most = answer_bytes(limits)
    solution = BoxedSolution(backend, source, limits=limits, budget_s=budget_s, answer=most)
    bounds = patient(limits, most)
    try:
        async with await backend.repl(limits=bounds) as session:
            match = _AssertRun(session, solution, tests, bounds, most)
            final = await match.play(counted)
    finally:
        await solution.close()
    if isinstance(final, Verdict):
        return final
    error = match.error or final["error"]
    if tests.hidden and error:
        error = "the tests were stopped by an exception or a limit"
    cases = _cases(tests, counted, match, final)
    return Verdict(tuple(cases), max(1, len(counted.required)), error)


class _AssertRun:
    """Host between the sandbox of the tests and the sandbox of the solution."""

    def __init__(
        self,
        session: Session,
        solution: BoxedSolution,
        tests: AssertTests,
        limits: Limits,
        most: int,
    ) -> None:
        self._session = session
        self._solution = solution
        self._tests = tests
        self._limits = limits
        self._most = most
        self._harness = ""
        self.calls: list[str] = []
        self.error = ""

    async def play(self, counted: Rewritten) -> dict[str, Any] | Verdict:
        expected = max(1, len(counted.required))
        self._harness = await start_harness(self._session, "assert_runner", self._limits)
        program = {
            "prelude": self._tests.prelude,
            "tests": counted.source,
            "names": list(self._tests.names),
            "hooks": counted.hooks,
            "most": self._most,
        }
        said, why = await self._say("start", json.dumps(program))
        for _ in range(_CALLS):
            if said is None:
                return Verdict((), expected, f"the tests did not come to an end: {why}")
            if "unusable" in said:
                return Verdict((), expected, unusable=str(said["unusable"]))
            if "call" not in said:
                return said
            answer = await self._solution.call(
                self._tests.entry_point or said["call"], said["payload"]
            )
            if not self._tests.hidden and len(self.calls) < _CALLS_SHOWN:
                self.calls.append(_call_in_words(said, answer))
            said, why = await self._say("resume", self._told(answer))
        return Verdict((), expected, f"the tests made more than {_CALLS} calls")

    async def _say(self, method: str, text: str) -> tuple[dict[str, Any] | None, str]:
        mark = nonce()
        code = f"{self._harness}.{method}{(mark, text)!r}"
        result = await self._session.run(code, limits=self._limits)
        found = frame(result, mark)
        if found is None:
            return None, ending(result)[1]
        return await offload(len(found), json.loads, found), ""

    def _told(self, answer: Answer) -> str:
        """Encode an answer for the tests' sandbox; a failed call fails the whole verdict."""
        if answer.is_value:
            try:
                return dump({"value": answer.wire}, 2 * self._most)
            except NotPlain as error:  # written so that it is longer when it is written properly
                answer = Answer(Status.BAD_VALUE, detail=str(error))
        if answer.raised is not None:
            told: dict[str, Any] = {"raised": answer.raised, "message": answer.message}
        elif answer.truth is not None:
            told = {"object": answer.detail, "true": answer.truth}
        else:
            self.error = self.error or f"a call did not return: {answer.detail}"
            told = {"lost": f"{answer.status}: {answer.detail}"}
        return dump(told)


def _cases(
    tests: AssertTests, counted: Rewritten, match: _AssertRun, final: Any
) -> list[CaseResult]:
    passes = {site for site, _ in final["passes"]}
    failures = {site: (text, made) for site, text, made in final["failures"]}
    cases = []
    for site, source in enumerate(counted.sites):
        if site in failures:
            text, made = failures[site]
            lines = [source[:500], *match.calls[max(0, made - 1) : made], text]
            detail = "\n".join(line for line in lines if line)
            cases.append(CaseResult(f"assert {site + 1}", _status(text), detail, tests.hidden))
        elif site in passes or site in counted.required:
            status = Status.PASS if site in passes else Status.UNRUN
            cases.append(CaseResult(f"assert {site + 1}", status, source[:500], tests.hidden))
    return cases


def _status(text: str) -> Status:
    """Status of a test whose assert let this exception through."""
    kind, _, rest = text.partition(":")
    if kind == "AssertionError":
        return Status.WRONG
    lost = rest.strip().partition(":")[0]
    return Status(lost) if kind == "SolutionLost" and lost in Status.__members__ else Status.RE


def _call_in_words(said: dict[str, Any], answer: Answer) -> str:
    args, kwargs = load(said["payload"], sys.maxsize)
    named = [f"{key}={show(value)}" for key, value in kwargs["d"]]
    got = f"gave {show(answer.wire)}" if answer.is_value else f"failed: {answer.detail}"
    return f"{said['call']}({', '.join([*map(show, args), *named])}) {got}"
