"""Host's side of a solution in its own sandbox: calls by name with plain values."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from envgym.sandboxes.base import Backend, Session, SessionLost
from envgym.sandboxes.graders.harness.plain_values import EXCEPTIONS, NotPlain, check, dump, load
from envgym.sandboxes.graders.nonce_protocol import (
    answer_bytes,
    frame,
    nonce,
    patient,
    roomy,
    start_harness,
)
from envgym.sandboxes.graders.offload import offload
from envgym.sandboxes.graders.verdict import WORDS, Status
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result

_TAIL = 1000
_MOST_LOSSES = 25


@dataclass(frozen=True)
class Answer:
    """Answer of a call: a value, an exception, or none.

    Attributes:
        status: PASS for a value; RE for an exception or a death without an answer.
        wire: Checked wire form of the value.
        raised: Name of the nearest built-in exception, or "" without one; None if no exception was
            raised and caught.
        message: Text of the exception.
        detail: The exception, or the problem, in words.
        truth: Truth value of an object without a plain value; None for others.
    """

    status: Status
    wire: Any = None
    raised: str | None = None
    message: str = ""
    detail: str = ""
    truth: bool | None = None

    @property
    def is_value(self) -> bool:
        """Return whether the answer is a value."""
        return self.status is Status.PASS


def ending(result: Result) -> tuple[Status, str]:
    """Status and words for a program that ended without its answer."""
    outcome = result.outcome
    status = Status.RE if outcome is Outcome.OK else Status(outcome.value)
    detail = result.detail or result.error_text[-_TAIL:].strip()
    return status, detail or (
        "it ended without an answer" if status is Status.RE else WORDS[status]
    )


class BoxedSolution:
    """A solution that is loaded once and called often, each call under its own limits.

    A call that kills the interpreter costs that call only; the next one reloads the solution in a
    new sandbox, because the state of the old one is unknown.

    Args:
        backend: Backend of the sandbox.
        source: Python source.
        limits: Limits of each call, and of loading.
        budget_s: Wall-clock seconds for all calls together; later calls are TLE and not made. A
            solution that has ended its interpreter 25 times is not called again either: each time
            costs a new sandbox, which its time budget would never stop.
        answer: Maximum characters of an answer.
    """

    def __init__(
        self, backend: Backend, source: str, *, limits: Limits, budget_s: float, answer: int = 0
    ) -> None:
        self._backend = backend
        self._source = source
        self._most = answer or answer_bytes(limits)
        self._limits = roomy(limits, self._most)
        self._bounds = patient(limits, self._most)
        self._left_s = budget_s
        self._losses = 0
        self._session: Session | None = None
        self._harness = ""

    async def call(self, name: str, payload: str) -> Answer:
        """Call a function.

        Args:
            name: ``function``, or ``Class.method`` for a method of a new object.
            payload: ``dump(encode([args, kwargs]))``.
        """
        if self._session is None:
            loaded = await self._load()
            if not loaded.is_value:
                return loaded
        return await self._ask("call", name, payload, self._most)

    async def _load(self) -> Answer:
        if self._left_s <= 0:
            return _SPENT
        if self._losses >= _MOST_LOSSES:
            return _LOST_TOO_OFTEN
        self._session = await self._backend.repl(limits=self._bounds)
        self._harness = await start_harness(self._session, "candidate", self._bounds)
        return await self._ask("load", self._source)

    async def _ask(self, method: str, *args: str | int) -> Answer:
        assert self._session is not None
        if self._left_s <= 0:
            return _SPENT
        mark = nonce()
        code = f"{self._harness}.{method}{(mark, *args)!r}"
        limits = self._limits
        if self._left_s < limits.wall_s:
            limits = limits.model_copy(update={"wall_s": self._left_s})
        try:
            result = await self._session.run(code, limits=limits)
        except SessionLost:  # a thread or a child of an earlier call ended it meanwhile
            result = Result(Outcome.RE, None, detail="it ended between two calls")
        self._left_s -= result.wall_s
        text = frame(result, mark)
        if text is None:
            self._losses += 1
            await self.close()
            status, detail = ending(result)
            return Answer(status, detail=detail)
        answer = await offload(len(text), _read, text, self._most + _TAIL)
        if method == "load" and not answer.is_value:
            await self.close()
        return answer

    async def close(self) -> None:
        """Close the sandbox."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


_SPENT = Answer(Status.TLE, detail="the time for all tests together is spent")
_LOST_TOO_OFTEN = Answer(Status.RE, detail="it has ended without an answer too often")


def _read(text: str, most: int) -> Answer:
    """Decode and check a frame; its author is the solution."""
    try:
        said = load(text, most)
        if not isinstance(said, dict):
            raise NotPlain("an answer that is no answer")
        if "value" in said:
            check(said["value"])
            return Answer(Status.PASS, said["value"])
        if "not_plain" in said:
            detail = f"it answered with {said['not_plain']}"[:_TAIL]
            truth = bool(said["true"]) if "true" in said else None
            return Answer(Status.BAD_VALUE, detail=detail, truth=truth)
        message, detail = str(said["message"])[:_TAIL], str(said["detail"])[-2 * _TAIL :]
        raised = str(said["raised"])
        raised = raised if raised in EXCEPTIONS else ""
        return Answer(Status.RE, raised=raised, message=message, detail=detail)
    except (NotPlain, KeyError) as error:
        return Answer(Status.BAD_VALUE, detail=str(error)[:_TAIL])


def payload_of(args: list[Any], kwargs: dict[str, Any]) -> str:
    """Payload of a call, from wire forms; a task's author may make it of any length."""
    return dump([args, {"d": [[name, value] for name, value in kwargs.items()]}], sys.maxsize)
