"""Messages between the host and a supervisor: the keys of each frame's JSON header.

Both ends are written against these types. The connection adds a number ``id`` to each request, and
the answer repeats it; an error is answered with ``error`` (its kind) and ``message``.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class ProgramLimits(TypedDict):
    """Limits of one program or one piece of code, as `envgym.sandboxes.limits` has them."""

    wall_s: float
    cpu_s: float
    memory_bytes: int
    processes: int
    file_bytes: int
    disk_bytes: int
    output_bytes: int
    stdin_bytes: int
    int_digits: int
    open_files: int


class Ping(TypedDict):
    """Ask whether the supervisor is alive."""

    op: Literal["ping"]


class Exec(TypedDict):
    """Run a program; part 0 is its standard input. Answered with a `Report` and two outputs."""

    op: Literal["exec"]
    argv: list[str]
    env: dict[str, str]
    limits: ProgramLimits


class Python(TypedDict):
    """Run Python; part 0 is its standard input, part 1 its source. Answered as `Exec` is."""

    op: Literal["python"]
    args: list[str]
    limits: ProgramLimits


class Write(TypedDict):
    """Write a file; part 0 is its content."""

    op: Literal["write"]
    path: str


class Read(TypedDict):
    """Read a file, at most `limit` bytes; the answer's part is its content."""

    op: Literal["read"]
    path: str
    limit: int


class Tar(TypedDict):
    """Archive the working directory, at most `limit` bytes; the answer's part is the archive."""

    op: Literal["tar"]
    limit: int


class Untar(TypedDict):
    """Unpack an archive, part 0, into the working directory."""

    op: Literal["untar"]


class Open(TypedDict):
    """Open a session; the answer has its number as ``session``."""

    op: Literal["open"]
    kind: Literal["shell", "repl"]
    limits: ProgramLimits


class Fork(TypedDict):
    """Fork a REPL; answered as `Open` is."""

    op: Literal["fork"]
    session: int


class Run(TypedDict):
    """Run code, part 0, in a session. Answered as `Exec` is."""

    op: Literal["run"]
    session: int
    limits: ProgramLimits


class End(TypedDict):
    """End a session."""

    op: Literal["end"]
    session: int


class Cancel(TypedDict):
    """Kill the run of the earlier request `target`, which is still answered; this one is not."""

    op: Literal["cancel"]
    target: int


class Report(TypedDict):
    """Measured end of a program or a piece of code; its two outputs are the answer's parts."""

    id: int
    outcome: str
    exit_code: int | None
    wall_s: float
    cpu_s: float
    memory_bytes: int
    detail: str
