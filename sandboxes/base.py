"""Sandbox interface: a backend opens sandboxes, which run programs and keep files and sessions.

Environments and graders use this interface alone. A new backend subclasses two classes and must
pass the conformance and attack suites (``envgym.sandboxes.suites``).

There are three kinds of errors. A failure of the program is a `Result`. A mistake of the caller is
a `UsageError`; a path that leaves the sandbox is its subclass `Denied`. A failure of the
infrastructure is a `Fault` of kind ``infra``.
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
"""Working directory of programs; a backend without a private root has another."""


class Denied(UsageError):
    """A path, an archive or a request reaches outside the sandbox and was refused."""


class SessionLost(UsageError):
    """The session has ended (its program exited, or was killed for a limit); open a new one."""


class BoxLost(UsageError):
    """The sandbox is gone, closed or taken along by its own programs; open another one."""


class _Closing(ABC):
    """Objects that are closed exactly once, also as ``async with``."""

    @abstractmethod
    async def close(self) -> None:
        """Release all resources. Idempotent; never raises for what is already gone."""

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
    """A live interpreter in a sandbox: a shell, or a Python REPL. Calls run one at a time.

    Attributes:
        ready: Names that a REPL begins with: graders' harnesses, preloaded into the sandbox, not
            sent again.
    """

    ready: frozenset[str] = frozenset()

    @abstractmethod
    async def run(self, code: str, *, limits: Limits | None = None) -> Result:
        """Run a piece of code in the state that earlier ones left.

        A Python REPL prints the value of a last expression, as a notebook does. A limit ends the
        session with the code; an exception or a failed command does not.

        Raises:
            SessionLost: The session had ended before.
        """

    @abstractmethod
    async def fork(self) -> Session:
        """Fork the session: a second one with a copy of this one's memory, in the same sandbox.

        An unused fork is a snapshot: fork it again to return to it. The two share the sandbox's
        files; `Sandbox.fork` copies those.

        Raises:
            UsageError: A shell cannot be forked.
        """


class Sandbox(_Closing):
    """A sandbox. Cancelling a call kills its processes within a second and leaves it usable."""

    @abstractmethod
    async def exec(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Result:
        """Run a program in the working directory.

        Args:
            argv: Program and arguments; no shell reads them.
            stdin: Standard input, whole; the program need not read it.
            env: Environment variables beside the few that a sandbox sets (PATH, HOME, LANG,
                TMPDIR).
            limits: Limits of this call; each is capped by the sandbox's own.

        Returns:
            The result; a missing program is RE with exit code 127.

        Raises:
            UsageError: `argv` holds NUL bytes, or `stdin` exceeds its limit.
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
        """Run Python source as ``__main__`` in a fresh process, without an interpreter start."""

    @abstractmethod
    async def write(self, path: str, data: bytes) -> None:
        """Write a file in the working directory and make its folders.

        Raises:
            Denied: The path leaves the working directory, also through a link.
            UsageError: The path cannot hold a file, or the disk limit is reached.
        """

    @abstractmethod
    async def read(self, path: str, *, limit: int = 16 * MIB) -> bytes:
        """Read a regular file.

        Raises:
            Denied: The path leaves the working directory, or names a link, a pipe or a device.
            UsageError: There is no such file, or it is larger than `limit`.
        """

    @abstractmethod
    async def shell(self) -> Session:
        """Open a live ``bash`` in the working directory."""

    @abstractmethod
    async def repl(self) -> Session:
        """Open a live Python REPL in the working directory."""

    @abstractmethod
    async def snapshot(self) -> bytes:
        """Archive the working directory as tar: folders, regular files, and links inside it.

        The sandbox is its author: read it on the host as data, and extract nothing.
        """

    @abstractmethod
    async def fork(self) -> Sandbox:
        """Open a new sandbox with a copy of this one's working directory, without its processes."""


class Backend(_Closing):
    """Base class of backends, which make sandboxes.

    Attributes:
        name: Name in ``open_backend(name)``.
        isolation: One line on how programs are isolated; weaker forms say that they are weaker.
        quick: Whether `run_python` and `repl` make a sandbox faster than they reuse a warm one.
    """

    name: str
    isolation: str
    quick: bool = False

    @abstractmethod
    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """Open a new sandbox, empty or with a snapshot's files."""

    async def run_python(
        self, code: str, *, stdin: bytes = b"", limits: Limits | None = None
    ) -> Result:
        """Run Python source in its own sandbox, which is closed afterwards."""
        async with await self.open(limits=limits) as box:
            return await box.python(code, stdin=stdin)

    async def repl(self, *, limits: Limits | None = None) -> Session:
        """Open a live Python REPL in its own sandbox, which closes with the session.

        It cannot be forked: for that, open a sandbox, and a REPL in it.
        """
        box = await self.open(limits=limits)
        try:
            return _OwnBox(box, await box.repl())
        except BaseException:
            await box.close()
            raise


class _OwnBox(Session):
    """A session that closes its sandbox when it is closed."""

    def __init__(self, box: Sandbox, session: Session) -> None:
        self._box = box
        self._session = session

    async def run(self, code: str, *, limits: Limits | None = None) -> Result:
        return await self._session.run(code, limits=limits)

    async def fork(self) -> Session:
        raise UsageError(
            "a REPL that is its own sandbox cannot be forked: open a sandbox, fork its REPL"
        )

    async def close(self) -> None:
        await self._box.close()
