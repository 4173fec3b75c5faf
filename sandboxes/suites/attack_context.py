"""Context of one attack: its sandboxes, its token, and the invariants checked at its end.

Every program of an attack bears the token, in its name and in the environment of all its children,
so that no survivor hides: the host looks for the token in ``/proc``, through all process
namespaces. A program that gets something forbidden prints ``LEAK``; one that was refused prints
``SAFE``, so that an attack which never ran does not pass as one that was stopped.
"""

from __future__ import annotations

import asyncio
import gc
import json
import secrets
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

from envgym.sandboxes.base import Backend, Sandbox
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Outcome, Result
from envgym.sandboxes.suites.assertions import CaseFailed, require, require_outcome
from envgym.sandboxes.suites.host_canaries import HostCanaries
from envgym.sandboxes.suites.proc_scan import ResourceUsage, survivors

SMALL = Limits(
    wall_s=5,
    cpu_s=5,
    memory_bytes=96 * MIB,
    processes=16,
    file_bytes=MIB,
    disk_bytes=8 * MIB,
    output_bytes=MIB,
    open_files=64,
)
"""Default limits of an attack's sandbox: small, so that a bomb ends soon."""

GRACE_S = 2.0
"""Seconds until the host must be as before: the kernel needs time to remove a sandbox."""

PRELUDE = '''\
import ctypes, errno, json, os, signal, socket, stat, sys, threading, time
HOST = json.loads({facts!r})
TOKEN = HOST["token"]
os.environ["ENVGYM_ATTACK"] = TOKEN
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.prctl(15, TOKEN.encode())
socket.setdefaulttimeout(0.3)
# Processes of the host by number, but for one that happens to be the number of one in the box.
FOREIGN = {{HOST["pid"], HOST["victim"]}} - {{os.getpid(), os.getppid(), 1}}
def processes():
    """Numbers of the processes that can be seen; none where there is no /proc to look at."""
    try: return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError: return []
def stand_back():
    """End here, as one that got out, before harm is done to a host that is within reach."""
    for number in FOREIGN:
        try: os.kill(number, 0)
        except OSError: continue
        leak("a process of the host can be killed")
        sys.exit(1)
def leak(what, found=""): print("LEAK", what, str(found)[:200], flush=True)
def safe(what, why=""): print("SAFE", what, str(why)[:200], flush=True)
def tries(what, act):
    """SAFE where it fails or finds nothing, LEAK with what it found otherwise."""
    try:
        found = act()
    except Exception as error:
        safe(what, repr(error))
    else:
        safe(what) if found is None else leak(what, found)
'''


class Target(Protocol):
    """The backend under attack and its host; `backend_under_test.BackendUnderTest` is one.

    Attributes:
        backend: The open backend.
        host: The host's canaries.
        crowd: How many sandboxes at once are many for the backend.
        name: The backend's registered name.
        options: The backend's constructor arguments.
        base: Resources that the host held once the backend was warm.
    """

    backend: Backend
    host: HostCanaries
    crowd: int
    name: str
    options: dict[str, Any]
    base: ResourceUsage


class AttackContext:
    """One attack on one backend.

    Args:
        under_test: Backend under attack.
        limits: Limits of its sandboxes.
        harmless: Whether its programs may run where the host is within reach.
    """

    def __init__(
        self, under_test: Target, limits: Limits = SMALL, *, harmless: bool = True
    ) -> None:
        self.under_test = under_test
        self.backend = under_test.backend
        self.host = under_test.host
        self.crowd = under_test.crowd
        self.limits = limits
        self.harmless = harmless
        self.token = f"eg{secrets.token_hex(6)}"  # a process's name has 15 bytes
        self._box: Sandbox | None = None
        self._open = AsyncExitStack()
        self._running: list[asyncio.Task[Result]] = []

    async def __aenter__(self) -> AttackContext:
        self.host.replant()
        self._fingerprint = self.host.fingerprint()
        self._files = self.host.temporary_files()
        return self

    async def __aexit__(self, *error: object) -> None:
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._open.aclose()

    def start(self, call: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Start a program of the attack in the background; cancelled at the end."""
        running = asyncio.create_task(call)
        self._running.append(running)
        return running

    async def box(self) -> Sandbox:
        """Box of this attack, opened for its first program."""
        if self._box is None:
            self._box = await self.another()
        return self._box

    async def another(self, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """Open a further sandbox, closed at the end."""
        opened = await self.backend.open(limits=limits or self.limits, snapshot=snapshot)
        return await self._open.enter_async_context(opened)

    def program(self, code: str) -> str:
        """Python source with the token, facts about the host, and functions to report."""
        limits = self.limits.model_dump()
        facts = {**self.host.facts(), "token": self.token, "limits": limits}
        guard = "" if self.harmless else "stand_back()\n"
        return PRELUDE.format(facts=json.dumps(facts)) + guard + code

    async def python(
        self,
        code: str,
        *expects: Outcome,
        says: Sequence[str] = (),
        box: Sandbox | None = None,
        stdin: bytes = b"",
        limits: Limits | None = None,
    ) -> Result:
        """Run a program of the attack; `CaseFailed` if it gets out, or ends otherwise.

        Args:
            code: Its source, to which the prelude is added.
            expects: Permitted outcomes; OK alone by default.
            says: Required output, which proves progress; not required of a program killed for a
                system call.
            box: A sandbox other than the attack's own.
            stdin: Its standard input.
            limits: Limits lower than the sandbox's.
        """
        box = box or await self.box()
        result = await box.python(self.program(code), stdin=stdin, limits=limits)
        return self.check(result, *expects, says=says)

    async def exec(
        self, argv: Sequence[str], *expects: Outcome, says: Sequence[str] = ()
    ) -> Result:
        """Run another program of the attack, likewise; its environment bears the token."""
        box = await self.box()
        result = await box.exec(argv, env={"ENVGYM_ATTACK": self.token})
        return self.check(result, *expects, says=says)

    def check(self, result: Result, *expects: Outcome, says: Sequence[str] = ()) -> Result:
        """Return the result of a program of the attack if the attack was stopped."""
        output = result.stdout + result.stderr
        require(b"LEAK" not in output, f"it got out:\n{_leaks(output)}", result)
        require(self.host.secret.encode() not in output, "it knows the host's secret", result)
        require_outcome(result, *(expects or (Outcome.OK,)))
        for word in says if result.outcome is not Outcome.DENIED else ():
            require(word in result.text, f"it did not say {word!r}", result)
        return result

    async def check_invariants(self) -> None:
        """Check the four invariants; `CaseFailed` names the first violation."""
        await self._open.aclose()
        await self.gone("processes survived their box")
        changed = _difference(self._fingerprint, self.host.fingerprint())
        require(not changed, f"the host changed: {changed}")
        require(not (found := self.host.reached()), "; ".join(found))
        require(
            not (found := self.host.remove_leftovers(self.token)), f"files outside the box: {found}"
        )
        result = await self.backend.run_python("print(6 * 7)", limits=SMALL)
        require_outcome(result, Outcome.OK, text="42\n")
        await self._settles(self._temporary, "the host's temporary folder holds more")
        gc.collect()
        await self._settles(
            lambda: ResourceUsage.measure().growth_since(self.under_test.base),
            "the host holds more than before",
        )

    def survivors(self) -> list[str]:
        """Live processes of this attack, boxed or not."""
        return survivors(self.token)

    async def gone(self, what: str) -> None:
        """Wait until no process of this attack lives; `CaseFailed` after a short grace."""
        await self._settles(lambda: survivors(self.token), what)

    def _temporary(self) -> list[str]:
        now = self.host.temporary_files()
        return [f"{now - self._files} entries more"] if now > self._files else []

    async def _settles(self, left: Callable[[], list[str]], what: str) -> None:
        """Wait until nothing is left."""
        clock = asyncio.get_running_loop()
        until = clock.time() + GRACE_S
        while found := left():
            if clock.time() > until:
                raise CaseFailed(f"{what}: {'; '.join(found)}")
            await asyncio.sleep(0.01)


def _leaks(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").splitlines()
    return "\n".join(line[:300] for line in lines if "LEAK" in line)[:2000]


def _difference(before: dict[str, object], after: dict[str, object]) -> list[str]:
    return [name for name in before if before[name] != after[name]]
