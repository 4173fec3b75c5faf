"""A box whose supervisor answers what none of ours does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from envgym.errors import Fault
from envgym.sandboxes import Limits
from envgym.sandboxes.supervisor.streams.frames import Frame
from envgym.sandboxes.supervisor_client.connection import SupervisorConnection
from envgym.sandboxes.supervisor_client.supervised_sandbox import Box


class Link:
    """A connection that gives the same answer to every request."""

    def __init__(self, answer: Frame) -> None:
        self.answer = answer

    async def ask(self, request: dict[str, Any], *parts: bytes) -> Frame:
        return self.answer


def box(answer: Frame) -> Box:
    async def nothing(*_: bytes) -> Any:
        raise AssertionError

    link = cast(SupervisorConnection, Link(answer))
    return Box(link, Limits(), end=nothing, reopen=nothing, cause=nothing)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda box: box.python("1"), "outputs, not 2"),
        (lambda box: box.exec(["true"]), "outputs, not 2"),
        (lambda box: box.read("a"), "0 parts, not 1"),
        (lambda box: box.snapshot(), "0 parts, not 1"),
        (lambda box: box.repl(), "session numbered 'one'"),
    ],
)
async def test_a_malformed_answer_is_a_fault(
    call: Callable[[Box], Awaitable[Any]], message: str
) -> None:
    with pytest.raises(Fault, match=message) as caught:
        await call(box(Frame({"id": 1, "session": "one"}, [])))
    assert caught.value.kind == "infra"
