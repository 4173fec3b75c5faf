"""Messages between the host and a fork server: one JSON object each, over their socket.

A zygote answers with the same ones when it starts. All of the senders run envgym's own code and no
program's, so nothing here is validated.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from envgym.sandboxes.supervisor.classify_exit import Ending
from envgym.sandboxes.supervisor.messages import ProgramLimits


class OpenBox(TypedDict):
    """Fork a sandbox whose supervisor serves the socket that comes with the message."""

    op: Literal["open"]
    box: dict[str, int]  # fields of `BoxSettings`


class RunProgram(TypedDict):
    """Fork a sandbox for one program; its standard streams come with the message."""

    op: Literal["run"]
    box: dict[str, int]
    limits: ProgramLimits
    source_bytes: int


class OpenRepl(TypedDict):
    """Fork a sandbox that is one REPL; its standard streams and socket come with the message."""

    op: Literal["repl"]
    box: dict[str, int]
    limits: ProgramLimits


class Kill(TypedDict):
    """Kill the sandbox of this number, if it is still there."""

    op: Literal["kill"]
    id: int


BoxRequest = OpenBox | RunProgram | OpenRepl


class Answer(TypedDict, total=False):
    """A message to the host; it has one of the first four keys, the last three go together."""

    ready: bool
    opened: int  # number of the sandbox
    error: str
    ended: int  # number of the sandbox
    ooms: int
    ending: dict[str, Any] | None  # fields of `Ending`


@dataclass(frozen=True)
class BoxEnd:
    """End of a sandbox.

    Attributes:
        ooms: Number of its processes that the kernel killed for memory.
        ending: How its program ended (of a REPL, the wait status alone); None with a supervisor.
    """

    ooms: int
    ending: Ending | None = None

    def answer(self, id: int) -> Answer:
        """Return the message that sandbox `id` has ended."""
        ending = None if self.ending is None else vars(self.ending)
        return {"ended": id, "ooms": self.ooms, "ending": ending}

    @classmethod
    def of(cls, answer: Answer) -> BoxEnd:
        """Read the message; inverse of `answer`."""
        ending = answer["ending"]
        return cls(answer["ooms"], None if ending is None else Ending(**ending))


def tell(control: socket.socket, answer: Answer) -> None:
    """Send a message to the host."""
    control.send(json.dumps(answer).encode())
