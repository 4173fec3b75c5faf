"""Sandbox controlled through a supervisor connection; base of every local backend."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal

from envgym.errors import Fault, UsageError
from envgym.sandboxes.base import BoxLost, Sandbox, Session
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Outcome, Result, read_result
from envgym.sandboxes.supervisor import messages
from envgym.sandboxes.supervisor.streams.frames import Frame
from envgym.sandboxes.supervisor_client.connection import Lost, SupervisorConnection, broken

GRACE_S = 3.0
"""Seconds past its wall-clock limit after which a call that the supervisor has not ended is ended
with its sandbox."""

MOST_ARGUMENTS = 6 << 20  # Linux, whatever the stack's limit is (execve(2))

RunRequest = messages.Exec | messages.Python | messages.Run
OtherRequest = (
    messages.Write
    | messages.Read
    | messages.Tar
    | messages.Untar
    | messages.Open
    | messages.Fork
    | messages.End
)


class Box(Sandbox):
    """A sandbox with a supervisor.

    Args:
        link: Connection to its supervisor.
        limits: Limits of the sandbox.
        end: Ends the sandbox, in whatever state it is. Idempotent.
        reopen: Opens a sandbox like this one with a snapshot's files.
        cause: Returns the outcome of a program that took the supervisor along, or None where no
            program was the cause.
    """

    def __init__(
        self,
        link: SupervisorConnection,
        limits: Limits,
        *,
        end: Callable[[], Awaitable[None]],
        reopen: Callable[[bytes], Awaitable[Sandbox]],
        cause: Callable[[], Awaitable[Outcome | None]],
    ) -> None:
        self._link = link
        self.limits = limits
        self._end = end
        self._reopen = reopen
        self._cause = cause
        self._closing = False

    async def exec(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Result:
        """See `Sandbox`."""
        argv, env = [*argv], dict(env or {})
        if not argv or not argv[0]:
            raise UsageError("exec needs a program: give argv at least its name")
        for text in (*argv, *env, *env.values()):
            if "\0" in text:
                raise UsageError("a program's argument or variable holds a NUL byte: remove it")
        for name in env:
            if not name or "=" in name:
                raise UsageError(f"{name!r} is no name of an environment variable")
        bounds = self.bounds(limits)
        check_input(stdin, bounds)
        if longer_than_any(argv, env):
            return Result(Outcome.RE, 126, stderr=b"argument list too long\n")
        values = bounds.values()
        return await self.call({"op": "exec", "argv": argv, "env": env, "limits": values}, stdin)

    async def python(
        self,
        code: str,
        *,
        args: Sequence[str] = (),
        stdin: bytes = b"",
        limits: Limits | None = None,
    ) -> Result:
        """See `Sandbox`."""
        bounds = self.bounds(limits)
        check_input(stdin, bounds)
        source = code.encode("utf-8", "surrogatepass")
        values = bounds.values()
        return await self.call({"op": "python", "args": [*args], "limits": values}, stdin, source)

    async def write(self, path: str, data: bytes) -> None:
        """See `Sandbox`."""
        await self.ask({"op": "write", "path": path}, data)

    async def read(self, path: str, *, limit: int = 16 * MIB) -> bytes:
        """See `Sandbox`."""
        return _content(await self.ask({"op": "read", "path": path, "limit": limit}))

    async def shell(self) -> Session:
        """See `Sandbox`."""
        return await self._session("shell")

    async def repl(self) -> Session:
        """See `Sandbox`."""
        return await self._session("repl")

    async def snapshot(self) -> bytes:
        """See `Sandbox`."""
        return _content(await self.ask({"op": "tar", "limit": self.limits.disk_bytes}))

    async def restore(self, snapshot: bytes) -> None:
        """Unpack a snapshot into the working directory; close the sandbox if that fails."""
        try:
            await self.ask({"op": "untar"}, snapshot)
        except BaseException:
            await self.close()
            raise

    async def fork(self) -> Sandbox:
        """See `Sandbox`."""
        return await self._reopen(await self.snapshot())

    async def close(self) -> None:
        """See `Sandbox`."""
        await asyncio.shield(asyncio.ensure_future(self._closed()))

    async def ask(self, request: OtherRequest, *parts: bytes) -> Frame:
        """Send a request that runs no program; a lost sandbox is a fault.

        The exception: files of its programs may fill the sandbox's memory, so that the next write
        is too much; then its programs have lost the sandbox.
        """
        try:
            return await self._link.ask(request, *parts)
        except Lost as error:
            if self._closing:
                raise BoxLost("the sandbox is closed: open another one") from error
            if (outcome := await self._cause()) is not None:
                gone = f"the sandbox is gone, by what its programs left in it ({outcome})"
                raise BoxLost(f"{gone}: open another one") from error
            raise broken(error) from error

    async def call(self, request: RunRequest, *parts: bytes) -> Result:
        """Send a request that runs a program; a lost sandbox may be the program's doing."""
        try:
            async with asyncio.timeout(request["limits"]["wall_s"] + GRACE_S):
                answer = await self._link.ask(request, *parts)
        except TimeoutError:
            await self._end()
            return Result(
                Outcome.TLE, None, detail="it kept the sandbox from ending it; the sandbox is gone"
            )
        except Lost as error:
            if self._closing:
                raise BoxLost("the sandbox is closed: open another one") from error
            outcome = await self._cause()
            if outcome is None:
                raise broken(error) from error
            return Result(outcome, None, detail="it took its sandbox along")
        return read_result(*answer)

    def bounds(self, limits: Limits | None) -> Limits:
        """Limits of a call: the lower of its own and the sandbox's."""
        return lower(self.limits, limits)

    async def _session(self, kind: Literal["shell", "repl"]) -> Session:
        values = self.limits.values()
        answer = await self.ask({"op": "open", "kind": kind, "limits": values})
        return BoxSession(self, _session_number(answer))

    async def _closed(self) -> None:
        self._closing = True
        await self._link.close()
        await self._end()


class BoxSession(Session):
    """A session of a supervised sandbox."""

    def __init__(self, box: Box, number: int) -> None:
        self._box = box
        self._number = number
        self._turn = asyncio.Lock()

    async def run(self, code: str, *, limits: Limits | None = None) -> Result:
        """See `Session`."""
        source = repl_source(code)
        values = self._box.bounds(limits).values()
        async with self._turn:
            return await self._box.call(
                {"op": "run", "session": self._number, "limits": values}, source
            )

    async def fork(self) -> Session:
        """See `Session`."""
        async with self._turn:
            answer = await self._box.ask({"op": "fork", "session": self._number})
        return BoxSession(self._box, _session_number(answer))

    async def close(self) -> None:
        """See `Session`."""
        with contextlib.suppress(UsageError, Fault):  # the sandbox is gone, and this with it
            await self._box.ask({"op": "end", "session": self._number})


def lower(box: Limits, call: Limits | None) -> Limits:
    """Limits of a call: the lower of its own and its sandbox's."""
    if call is None or call is box:
        return box
    own, asked = box.model_dump(), call.model_dump()
    return Limits(**{name: min(own[name], asked[name]) for name in own})


def _content(answer: Frame) -> bytes:
    """Return the one part of an answer."""
    if len(answer.parts) != 1:
        raise Fault(
            f"sandbox: the supervisor's answer has {len(answer.parts)} parts, not 1", "infra"
        )
    return answer.parts[0]


def _session_number(answer: Frame) -> int:
    """Return the number of the session that an answer is about."""
    number = answer.header.get("session")
    if not isinstance(number, int):
        raise Fault(f"sandbox: the supervisor opened a session numbered {number!r}", "infra")
    return number


def repl_source(code: str) -> bytes:
    """Encode a piece of code for a session.

    Raises:
        UsageError: It holds what no session can be sent.
    """
    if "\0" in code:
        raise UsageError("the code holds a NUL byte: remove it")
    return code.encode("utf-8", "surrogatepass")


def longer_than_any(argv: Sequence[str], env: Mapping[str, str]) -> bool:
    """Return whether the arguments exceed every kernel's limit: sending them is pointless."""
    texts = (*argv, *env, *env.values())
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) > MOST_ARGUMENTS


def check_input(stdin: bytes, limits: Limits) -> None:
    """Refuse standard input above its limit.

    Raises:
        UsageError: It is more.
    """
    if len(stdin) > limits.stdin_bytes:
        raise UsageError(
            f"standard input of {len(stdin)} bytes is more than stdin_bytes={limits.stdin_bytes}"
        )
