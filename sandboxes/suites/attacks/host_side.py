"""Stress of the host's side: vanishing callers, a killed host, exhausted descriptors."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from envgym.errors import Fault, UsageError
from envgym.sandboxes.backends.registry import open_backend
from envgym.sandboxes.base import Sandbox, SessionLost
from envgym.sandboxes.limits import MIB
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import (
    PROMPT_S,
    require,
    require_error,
    require_outcome,
    require_within,
)
from envgym.sandboxes.suites.attack_context import SMALL, AttackContext
from envgym.sandboxes.suites.attacks.attack import Attack, scene

MLE, OK, OLE = Outcome.MLE, Outcome.OK, Outcome.OLE
RE, TLE = Outcome.RE, Outcome.TLE

ATTACKS: list[Attack] = []

_DEAF = """
for number in range(1, 32):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
for _ in range(3): os.fork() or os.setsid()
open("started", "w").close()
while True: time.sleep(600)
"""


async def _started(box: Sandbox) -> None:
    async with require_within("the start of a program", SMALL.wall_s):
        while True:
            with suppress(UsageError):
                await box.read("started")
                return
            await asyncio.sleep(0.01)


@scene(ATTACKS, 44, "its caller is cancelled, and it will not die", ends="dead within a second")
async def caller_vanishes(context: AttackContext) -> None:
    box = await context.box()
    running = context.start(context.python(_DEAF))
    await _started(box)
    running.cancel()
    async with require_within("cancellation"):
        await asyncio.gather(running, return_exceptions=True)
        await context.gone("what was cancelled lives on")
    require(running.cancelled(), "the call was not cancelled")
    require_outcome(await box.exec(["echo", "usable"]), OK, text="usable\n")


@scene(ATTACKS, 44, "its box is closed under it, and it will not die", ends="dead within a second")
async def box_vanishes(context: AttackContext) -> None:
    box = await context.another()
    running = context.start(context.python(_DEAF, box=box))
    await _started(box)
    async with require_within("closing a box in which a program runs"):
        await box.close()
        await asyncio.gather(running, return_exceptions=True)
        await context.gone("what was cancelled lives on")


@scene(ATTACKS, 44, "its REPL's caller is cancelled", ends="dead within a second")
async def session_caller_vanishes(context: AttackContext) -> None:
    box = await context.box()
    repl = await box.repl()
    running = context.start(repl.run(context.program(_DEAF)))
    await _started(box)
    running.cancel()
    async with require_within("cancellation"):
        await asyncio.gather(running, return_exceptions=True)
        await context.gone("what was cancelled lives on")
    with suppress(SessionLost):
        async with require_within("a session whose call was cancelled"):
            await repl.run("1")
    require_outcome(await box.exec(["echo", "usable"]), OK, text="usable\n")


@scene(ATTACKS, 44, "file calls are cancelled at every moment", ends="the box works on")
async def file_calls_vanish(context: AttackContext) -> None:
    box = await context.box()
    for number in range(20):
        for call in (box.write("file", bytes(MIB)), box.read("file"), box.snapshot()):
            running = asyncio.ensure_future(call)
            await asyncio.sleep(0.0003 * number)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    await box.write("file", b"whole")
    require(await box.read("file") == b"whole", "the box answers with what was asked before")
    require_outcome(await box.exec(["echo", "usable"]), OK, text="usable\n")


@scene(ATTACKS, 46, "many boxes are asked for at once, some callers vanish", ends="no leak")
async def crowd(context: AttackContext) -> None:
    async def one(number: int) -> str:
        async with await context.backend.open(limits=context.limits) as box:
            return (await box.exec(["echo", str(number)])).text

    calls = [asyncio.create_task(one(number)) for number in range(context.crowd)]
    await asyncio.sleep(0.02)
    for call in calls[::7]:
        call.cancel()
    done = await asyncio.gather(*calls, return_exceptions=True)
    for number, found in enumerate(done):
        fine = found == f"{number}\n" or (number % 7 == 0 and isinstance(found, BaseException))
        require(fine, f"box {number} of {context.crowd}: {found!r}")


_HOST = """
import asyncio, json, sys
from envgym.sandboxes.backends.registry import open_backend

async def main():
    backend = open_backend(sys.argv[1], **json.loads(sys.argv[3]))
    box = await backend.open()
    running = asyncio.create_task(box.python(sys.argv[2]))
    while True:
        try: await box.read("started")
        except Exception: await asyncio.sleep(0.01)
        else: break
    print("started", flush=True)
    await running

asyncio.run(main())
"""


@scene(
    ATTACKS, 45, "the host is killed with SIGKILL while it runs", ends="dead, soon or at reopening"
)
async def host_killed(context: AttackContext) -> None:
    code = context.program(_DEAF)
    host = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(_HOST),
        context.under_test.name,
        code,
        json.dumps(context.under_test.options),
        stdout=asyncio.subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if context.host.secret not in v},
    )
    try:
        assert host.stdout is not None
        async with require_within("a second host's start", 30):
            require(await host.stdout.readline() == b"started\n", "a second host did not start")
        # The host has the program's source, and with it the token, on its own command line.
        require(len(context.survivors()) > 1, "the program cannot be seen from the host")
    finally:
        host.send_signal(signal.SIGKILL)
        await host.wait()
    under_test = context.under_test
    async with open_backend(under_test.name, **under_test.options) as again:
        require_outcome(await again.run_python("print(42)", limits=SMALL), OK, text="42\n")
        await context.gone("a program outlived the host that was killed")


@scene(ATTACKS, 48, "the host has no descriptors left", ends="a Fault, never a result")
async def host_out_of_descriptors(context: AttackContext) -> None:
    with _no_more_descriptors():
        for _ in range(3):
            try:
                async with require_within("an answer without descriptors", 10):
                    result = await context.backend.run_python("print(6 * 7)", limits=context.limits)
            except Fault as error:
                require(error.kind == "infra", f"a {error.kind} fault")
            except OSError as error:
                require(False, f"a bare {error!r}, where a Fault says that it is nobody's program")
            else:
                require_outcome(result, OK, text="42\n")
    require_outcome(
        await context.backend.run_python("print(6 * 7)", limits=context.limits), OK, text="42\n"
    )


@contextmanager
def _no_more_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    try:
        with suppress(OSError):
            while True:  # and the gaps below
                held.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for file in held:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@scene(ATTACKS, None, "forks of a REPL without end", ends="refused at the limit")
async def fork_of_repls(context: AttackContext) -> None:
    box = await context.box()
    session = await box.repl()
    context.check(await session.run(context.program("safe('lives')")), OK)
    made = 0
    for _ in range(4 * context.limits.processes):
        try:
            async with require_within("a fork"):
                await session.fork()
        except UsageError:
            break
        made += 1
    alive = len(context.survivors())
    require(alive <= context.limits.processes, f"{alive} processes live, after {made} forks")
    async with require_within("closing the box of many forks"):
        await box.close()


@scene(ATTACKS, None, "sessions without end", ends="refused at the limit")
async def sessions_without_end(context: AttackContext) -> None:
    box = await context.box()
    opened = 0
    for _ in range(4 * context.limits.processes):
        try:
            async with require_within("opening a session"):
                session = await box.shell()
                await session.run(f"export ENVGYM_ATTACK={context.token}")
        except UsageError:
            break
        opened += 1
    require(opened <= context.limits.processes, f"{opened} sessions are open")
    async with require_within("closing the box of many sessions"):
        await box.close()


@scene(ATTACKS, 46, "every limit is broken at once, in one box", ends="each its own outcome")
async def all_at_once(context: AttackContext) -> None:
    box = await context.another(SMALL.model_copy(update={"processes": 64}))
    brief = SMALL.model_copy(update={"wall_s": 0.5})
    runs = [
        (context.python("time.sleep(600)", TLE, box=box, limits=brief)),
        (context.python("while True: print('x' * 9999)", OLE, box=box)),
        (context.python("raise SystemExit(3)", RE, box=box)),
        (context.python("print('fine')", OK, box=box, says=["fine"])),
        (context.python("os.kill(os.getpid(), 11)", RE, box=box)),
    ]
    async with require_within("five programs at once", SMALL.wall_s + PROMPT_S):
        await asyncio.gather(*runs)
    require_outcome(await box.exec(["echo", "usable"]), OK, text="usable\n")


@scene(ATTACKS, 48, "the caller asks for nonsense", ends="UsageError, the box works on")
async def nonsense(context: AttackContext) -> None:
    box = await context.box()
    for argv in ([], ["a\0b"], ["true", "\0"]):
        await require_error(box.exec(argv), UsageError)
    for env in ({"A=B": "x"}, {"A": "\0"}, {"": "x"}, {"A\0": "x"}):
        await require_error(box.exec(["true"], env=env), UsageError)
    await require_error(box.exec(["true"], stdin=bytes(SMALL.stdin_bytes + 1)), UsageError)
    await require_error(box.read("x", limit=-1), UsageError)
    require_outcome(await box.exec(["echo", "usable"]), OK, text="usable\n")


@scene(
    ATTACKS, 3, "memory bombs in turn: a box that was killed for memory serves again", ends="MLE"
)
async def memory_in_turn(context: AttackContext) -> None:
    bomb = "hoard = []\nwhile True: hoard.append(b'x' * (1 << 20))"
    for _ in range(3):
        await context.python(bomb, MLE)
        await context.python("print('fine')", says=["fine"])
