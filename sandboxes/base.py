"""The one interface: a backend opens boxes; a box runs programs, keeps files and sessions.

Whoever runs untrusted code writes against this, and a new backend is a subclass of two classes
that passes the conformance and attack suites (``envgym.sandboxes.suites``).

Errors are of three kinds everywhere. What the program did is a `Result`. What the caller did wrong
is a `UsageError`, and a path that leaves the box is its subclass `Denied`. What broke of ours is a
`Fault` of kind ``infra``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from envgym.errors import UsageError
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Result

WORKDIR = "/box"
"""Where a program starts and where its files are; a backend without a private root has another."""


class Denied(UsageError):
    """A path, an archive or a request reaches outside the box; nothing was done."""


class SessionLost(UsageError):
    """A session ended (its program exited, or was killed for a limit): open a new one."""


class BoxLost(UsageError):
    """The box is gone, closed or taken along by its own programs: open another one."""


class _Closing(ABC):
    """Things that are closed once, for certain: also as ``async with``."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything. Idempotent; never raises for what was already gone."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class Session(_Closing):
    """A live interpreter in a box: a shell, or a Python REPL. Calls are run one at a time.

    Attributes:
        ready: Names that a REPL begins with: graders' harnesses that were there before its box was,
            and need not be sent.
    """

    ready: frozenset[str] = frozenset()

    @abstractmethod
    async def run(self, code: str, *, limits: Limits | None = None) -> Result:
        """Run a piece of code in the state that earlier ones left.

        A Python REPL prints the value of a last expression, as a notebook does. Code that runs
        into a limit takes the session with it; an exception or a failed command does not.

        Raises:
            SessionLost: The session had ended before.
        """

    @abstractmethod
    async def fork(self) -> Session:
        """A second session with a copy of this one's memory, in the same box.

        A fork that is kept aside is a snapshot: fork it again to go back to it. The two share the
        box's files; `Sandbox.fork` copies those.

        Raises:
            UsageError: A shell cannot be forked.
        """


class Sandbox(_Closing):
    """A box. Cancelling any call kills what it runs within a second, and leaves the box usable."""

    @abstractmethod
    async def exec(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Result:
        """Run a program, in the working directory.

        Args:
            argv: Program and arguments; no shell reads them.
            stdin: Standard input, whole; the program need not read it.
            env: Environment variables beside the few a box sets (PATH, HOME, LANG, TMPDIR).
            limits: Lower than the box's own; what is higher in them is the box's.

        Returns:
            The result; a program that does not exist is RE with exit code 127.

        Raises:
            UsageError: NUL bytes in `argv`, or more stdin than its limit.
            Fault: The sandbox broke.
        """

    @abstractmethod
    async def python(
        self,
        code: str,
        *,
        args: Sequence[str] = (),
        stdin: bytes = b"",
        limits: Limits | None = None,
    ) -> Result:
        """Run Python source as ``__main__`` in a fresh process that costs no interpreter start."""

    @abstractmethod
    async def write(self, path: str, data: bytes) -> None:
        """Write a file in the working directory; folders are made.

        Raises:
            Denied: The path leaves the working directory, also through a link.
            UsageError: It is no place for a file, or the disk limit is reached.
        """

    @abstractmethod
    async def read(self, path: str, *, limit: int = 16 * MIB) -> bytes:
        """A regular file's bytes.

        Raises:
            Denied: The path leaves the working directory, or what is there is a link, a pipe or a
                device.
            UsageError: There is no such file, or it is larger than `limit`.
        """

    @abstractmethod
    async def shell(self) -> Session:
        """A live ``bash`` in the working directory."""

    @abstractmethod
    async def repl(self) -> Session:
        """A live Python REPL in the working directory."""

    @abstractmethod
    async def snapshot(self) -> bytes:
        """The working directory as a tar archive of folders, regular files and links inside it.

        The box is its author: whoever reads it on the host reads data, and extracts nothing.
        """

    @abstractmethod
    async def fork(self) -> Sandbox:
        """A new box with a copy of this one's working directory and none of its processes."""


class Backend(_Closing):
    """A way to make boxes.

    Attributes:
        name: As in ``open_backend(name)``.
        isolation: What keeps a program in, in a line; weaker forms say that they are.
        quick: Whether `run_python` and `repl` make their box in less than it takes to use one that
            lies ready.
    """

    name: str
    isolation: str
    quick: bool = False

    @abstractmethod
    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """A new box, empty or with a snapshot's files."""

    async def run_python(
        self, code: str, *, stdin: bytes = b"", limits: Limits | None = None
    ) -> Result:
        """Python source in a box of its own that is gone afterwards."""
        async with await self.open(limits=limits) as box:
            return await box.python(code, stdin=stdin)

    async def repl(self, *, limits: Limits | None = None) -> Session:
        """A live Python REPL in a box of its own, which is gone once the session is closed.

        It is not forked: where one is to be, open a box, and a REPL in it.
        """
        box = await self.open(limits=limits)
        try:
            return _OwnBox(box, await box.repl())
        except BaseException:
            await box.close()
            raise


class _OwnBox(Session):
    """A session that takes its box along when it is closed."""

    def __init__(self, box: Sandbox, session: Session) -> None:
        self._box = box
        self._session = session

    async def run(self, code: str, *, limits: Limits | None = None) -> Result:
        return await self._session.run(code, limits=limits)

    async def fork(self) -> Session:
        raise UsageError("a REPL that is its own box cannot be forked: open a box, fork its REPL")

    async def close(self) -> None:
        await self._box.close()
