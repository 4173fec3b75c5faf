"""The host's side under stress: callers that vanish, a host that is killed, out of descriptors."""

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
from envgym.sandboxes.suites.assertions import PROMPT_S, ended, must, promptly, refused
from envgym.sandboxes.suites.attack_context import SMALL, Stage
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
    async with promptly("the start of a program", SMALL.wall_s):
        while True:
            with suppress(UsageError):
                await box.read("started")
                return
            await asyncio.sleep(0.01)


@scene(ATTACKS, 44, "its caller is cancelled, and it will not die", ends="dead within a second")
async def caller_vanishes(stage: Stage) -> None:
    box = await stage.box()
    running = stage.start(stage.python(_DEAF))
    await _started(box)
    running.cancel()
    async with promptly("cancellation"):
        await asyncio.gather(running, return_exceptions=True)
        await stage.gone("what was cancelled lives on")
    must(running.cancelled(), "the call was not cancelled")
    ended(await box.exec(["echo", "usable"]), OK, text="usable\n")


@scene(ATTACKS, 44, "its box is closed under it, and it will not die", ends="dead within a second")
async def box_vanishes(stage: Stage) -> None:
    box = await stage.another()
    running = stage.start(stage.python(_DEAF, box=box))
    await _started(box)
    async with promptly("closing a box in which a program runs"):
        await box.close()
        await asyncio.gather(running, return_exceptions=True)
        await stage.gone("what was cancelled lives on")


@scene(ATTACKS, 44, "its REPL's caller is cancelled", ends="dead within a second")
async def session_caller_vanishes(stage: Stage) -> None:
    box = await stage.box()
    repl = await box.repl()
    running = stage.start(repl.run(stage.program(_DEAF)))
    await _started(box)
    running.cancel()
    async with promptly("cancellation"):
        await asyncio.gather(running, return_exceptions=True)
        await stage.gone("what was cancelled lives on")
    with suppress(SessionLost):
        async with promptly("a session whose call was cancelled"):
            await repl.run("1")
    ended(await box.exec(["echo", "usable"]), OK, text="usable\n")


@scene(ATTACKS, 44, "file calls are cancelled at every moment", ends="the box works on")
async def file_calls_vanish(stage: Stage) -> None:
    box = await stage.box()
    for number in range(20):
        for call in (box.write("file", bytes(MIB)), box.read("file"), box.snapshot()):
            running = asyncio.ensure_future(call)
            await asyncio.sleep(0.0003 * number)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    await box.write("file", b"whole")
    must(await box.read("file") == b"whole", "the box answers with what was asked before")
    ended(await box.exec(["echo", "usable"]), OK, text="usable\n")


@scene(ATTACKS, 46, "many boxes are asked for at once, some callers vanish", ends="no leak")
async def crowd(stage: Stage) -> None:
    async def one(number: int) -> str:
        async with await stage.backend.open(limits=stage.limits) as box:
            return (await box.exec(["echo", str(number)])).text

    calls = [asyncio.create_task(one(number)) for number in range(stage.crowd)]
    await asyncio.sleep(0.02)
    for call in calls[::7]:
        call.cancel()
    done = await asyncio.gather(*calls, return_exceptions=True)
    for number, found in enumerate(done):
        fine = found == f"{number}\n" or (number % 7 == 0 and isinstance(found, BaseException))
        must(fine, f"box {number} of {stage.crowd}: {found!r}")


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
async def host_killed(stage: Stage) -> None:
    code = stage.program(_DEAF)
    host = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(_HOST),
        stage.subject.name,
        code,
        json.dumps(stage.subject.options),
        stdout=asyncio.subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if stage.host.secret not in v},
    )
    try:
        assert host.stdout is not None
        async with promptly("a second host's start", 30):
            must(await host.stdout.readline() == b"started\n", "a second host did not start")
        # The host has the program's source, and with it the token, on its own command line.
        must(len(stage.survivors()) > 1, "the program cannot be seen from the host")
    finally:
        host.send_signal(signal.SIGKILL)
        await host.wait()
    subject = stage.subject
    async with open_backend(subject.name, **subject.options) as again:
        ended(await again.run_python("print(42)", limits=SMALL), OK, text="42\n")
        await stage.gone("a program outlived the host that was killed")


@scene(ATTACKS, 48, "the host has no descriptors left", ends="a Fault, never a result")
async def host_out_of_descriptors(stage: Stage) -> None:
    with _no_more_descriptors():
        for _ in range(3):
            try:
                async with promptly("an answer without descriptors", 10):
                    result = await stage.backend.run_python("print(6 * 7)", limits=stage.limits)
            except Fault as error:
                must(error.kind == "infra", f"a {error.kind} fault")
            except OSError as error:
                must(False, f"a bare {error!r}, where a Fault says that it is nobody's program")
            else:
                ended(result, OK, text="42\n")
    ended(await stage.backend.run_python("print(6 * 7)", limits=stage.limits), OK, text="42\n")


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
async def fork_of_repls(stage: Stage) -> None:
    box = await stage.box()
    session = await box.repl()
    stage.judged(await session.run(stage.program("safe('lives')")), OK)
    made = 0
    for _ in range(4 * stage.limits.processes):
        try:
            async with promptly("a fork"):
                await session.fork()
        except UsageError:
            break
        made += 1
    alive = len(stage.survivors())
    must(alive <= stage.limits.processes, f"{alive} processes live, after {made} forks")
    async with promptly("closing the box of many forks"):
        await box.close()


@scene(ATTACKS, None, "sessions without end", ends="refused at the limit")
async def sessions_without_end(stage: Stage) -> None:
    box = await stage.box()
    opened = 0
    for _ in range(4 * stage.limits.processes):
        try:
            async with promptly("opening a session"):
                session = await box.shell()
                await session.run(f"export ENVGYM_ATTACK={stage.token}")
        except UsageError:
            break
        opened += 1
    must(opened <= stage.limits.processes, f"{opened} sessions are open")
    async with promptly("closing the box of many sessions"):
        await box.close()


@scene(ATTACKS, 46, "every limit is broken at once, in one box", ends="each its own outcome")
async def all_at_once(stage: Stage) -> None:
    box = await stage.another(SMALL.model_copy(update={"processes": 64}))
    brief = SMALL.model_copy(update={"wall_s": 0.5})
    runs = [
        (stage.python("time.sleep(600)", TLE, box=box, limits=brief)),
        (stage.python("while True: print('x' * 9999)", OLE, box=box)),
        (stage.python("raise SystemExit(3)", RE, box=box)),
        (stage.python("print('fine')", OK, box=box, says=["fine"])),
        (stage.python("os.kill(os.getpid(), 11)", RE, box=box)),
    ]
    async with promptly("five programs at once", SMALL.wall_s + PROMPT_S):
        await asyncio.gather(*runs)
    ended(await box.exec(["echo", "usable"]), OK, text="usable\n")


@scene(ATTACKS, 48, "the caller asks for nonsense", ends="UsageError, the box works on")
async def nonsense(stage: Stage) -> None:
    box = await stage.box()
    for argv in ([], ["a\0b"], ["true", "\0"]):
        await refused(box.exec(argv), UsageError)
    for env in ({"A=B": "x"}, {"A": "\0"}, {"": "x"}, {"A\0": "x"}):
        await refused(box.exec(["true"], env=env), UsageError)
    await refused(box.exec(["true"], stdin=bytes(SMALL.stdin_bytes + 1)), UsageError)
    await refused(box.read("x", limit=-1), UsageError)
    ended(await box.exec(["echo", "usable"]), OK, text="usable\n")


@scene(
    ATTACKS, 3, "memory bombs in turn: a box that was killed for memory serves again", ends="MLE"
)
async def memory_in_turn(stage: Stage) -> None:
    bomb = "hoard = []\nwhile True: hoard.append(b'x' * (1 << 20))"
    for _ in range(3):
        await stage.python(bomb, MLE)
        await stage.python("print('fine')", says=["fine"])
