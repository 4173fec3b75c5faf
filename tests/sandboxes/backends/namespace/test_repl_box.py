"""A REPL that is its own box: limits of each call, what it may say, its ends, and what is left."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from envgym.errors import Fault, UsageError
from envgym.sandboxes import Limits, Outcome
from envgym.sandboxes.backends.namespace.backend import NamespaceBackend
from envgym.sandboxes.backends.namespace.probe import tried
from envgym.sandboxes.backends.namespace.repl_box import ReplBox
from envgym.sandboxes.base import BoxLost, Session, SessionLost
from envgym.sandboxes.supervisor.processes import children
from envgym.sandboxes.supervisor.streams.frames import pack
from tests.machine import need
from tests.sandboxes.backends.namespace.claims import processes
from tests.sandboxes.backends.namespace.test_program_box import MIB, most_processes, until_there
from tests.sandboxes.supervisor.test_sessions import LIES

SLEEP = "import os\nos.execvp('sleep', ['sleep', '{mark}'])"
DAEMON = (
    "import os\nif os.fork() == 0:\n    os.setsid()\n    os.execvp('sleep', ['sleep', '{mark}'])"
)


@pytest.fixture
async def backend() -> AsyncIterator[NamespaceBackend]:
    found = await tried("root" if os.geteuid() == 0 else "user")
    need(found.there, found.detail)
    async with NamespaceBackend() as backend:
        yield backend


async def gone(repl: Session) -> None:
    """Until the host has noticed it, without a call."""
    assert isinstance(repl, ReplBox)
    async with asyncio.timeout(20):
        while not repl._lost:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)


async def lost(repl: Session) -> None:
    with pytest.raises(SessionLost):
        await repl.run("1")


@pytest.mark.parametrize(
    ("code", "outcome", "exit_code"),
    [
        ("while True: pass", Outcome.TLE, None),
        ("import time\nwhile True: time.sleep(9)", Outcome.TLE, None),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", Outcome.TLE, None),
        ("while True: print('x' * 9999)", Outcome.OLE, None),
        ("print('x' * 50_001)", Outcome.OLE, None),
        ("import sys\nsys.stderr.write('x' * 99999)", Outcome.OLE, None),
        ("import ctypes; ctypes.CDLL(None).unshare(0x10000000)", Outcome.DENIED, -31),
        ("x = bytearray(1 << 30)", Outcome.MLE, None),
        ("raise SystemExit(3)", Outcome.RE, 3),
        ("import os; os._exit(0)", Outcome.OK, 0),
        ("import os, time\nos.close(3)\ntime.sleep(600)", Outcome.RE, -9),
    ],
)
async def test_each_call_has_its_limits_and_ends_its_box(
    backend: NamespaceBackend, code: str, outcome: Outcome, exit_code: int | None
) -> None:
    limits = Limits(wall_s=20, output_bytes=50_000)
    async with await backend.repl(limits=Limits(memory_bytes=96 * MIB)) as repl:
        for _ in range(3):  # what earlier calls used counts for them alone
            assert (await repl.run("print('x' * 49_998)", limits=limits)).ok
        if outcome is Outcome.TLE:
            limits = limits.model_copy(update={"wall_s": 1.0})
        result = await repl.run(code, limits=limits)
        assert result.outcome is outcome, result
        if outcome is not Outcome.MLE:  # at a resource limit it ends by itself
            assert result.exit_code == exit_code, result
            await lost(repl)
        assert len(result.stdout) <= 50_000
        assert len(result.stderr) <= 50_000


async def test_processor_time_is_a_calls_own(backend: NamespaceBackend) -> None:
    spend = (
        "import time\nuntil = time.process_time() + 0.3\nwhile time.process_time() < until: pass"
    )
    limits = Limits(cpu_s=0.8, wall_s=60)
    async with await backend.repl() as repl:
        for _ in range(4):
            result = await repl.run(spend, limits=limits)
            assert result.ok, result
            assert 0.25 < result.cpu_s < 0.8
        assert (await repl.run("1", limits=limits)).cpu_s < 0.3
        result = await repl.run("while True: pass", limits=limits)
        assert (result.outcome, result.exit_code) == (Outcome.TLE, None)


async def test_forks_and_memory_of_children_have_their_outcomes(backend: NamespaceBackend) -> None:
    if backend.no_group:
        pytest.skip(backend.no_group)
    async with await backend.repl(limits=Limits(processes=8, memory_bytes=96 * MIB)) as repl:
        crowd = "import os\nfor _ in range(9): os.fork() or os.execvp('sleep', ['sleep', '600'])"
        assert (await repl.run(crowd)).outcome is Outcome.PLE
        assert (await repl.run("1 / 0")).outcome is Outcome.RE
    async with await backend.repl(limits=Limits(memory_bytes=96 * MIB)) as repl:
        eat = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', "
        eat += "'x = [bytearray(1 << 20) for _ in range(999)]'], check=True)"
        assert (await repl.run(eat)).outcome is Outcome.MLE
        assert (await repl.run("1 / 0")).outcome is Outcome.RE


@pytest.mark.parametrize("lie", LIES)
async def test_what_it_says_can_but_lie_about_itself(backend: NamespaceBackend, lie: bytes) -> None:
    code = f'import os, time\nos.write(3, b"{lie.decode()}")\ntime.sleep(0.1)'
    async with await backend.repl() as repl, await backend.repl() as other:
        assert (await repl.run(code)).outcome in (Outcome.OK, Outcome.RE)
        assert (await other.run("6 * 7")).text == "42\n"


async def test_who_answers_twice_is_asked_no_more(backend: NamespaceBackend) -> None:
    forged = f"import os\nos.write(3, {pack({'ok': True})!r})\nimport time\ntime.sleep(2)"
    async with await backend.repl() as repl:
        assert (await repl.run(forged)).ok
        await gone(repl)
        await lost(repl)


@pytest.mark.parametrize(
    "flood",
    [
        "while True: os.write(3, b'x' * 65536)",
        f"while True: os.write(3, {pack({'forked': True})!r})",
        "while True: os.write(1, b'x' * 65536)",
    ],
)
async def test_a_flood_costs_a_call(backend: NamespaceBackend, flood: str) -> None:
    async with await backend.repl() as repl, await backend.repl() as other:
        result = await repl.run(f"import os\n{flood}", limits=Limits(wall_s=30))
        assert result.outcome in (Outcome.RE, Outcome.OLE), result
        assert (await other.run("6 * 7")).text == "42\n"


async def test_descriptors_sent_to_the_host_do_not_arrive(backend: NamespaceBackend) -> None:
    send = "import os, socket\ns = socket.socket(fileno=os.dup(3))\n"
    send += "for _ in range(20): socket.send_fds(s, [b'x'], [0, 1, 2] * 8)"
    async with await backend.repl() as repl:
        await repl.run("1")
        before = {*os.listdir("/proc/self/fd")}
        await repl.run(send)
        assert len({*os.listdir("/proc/self/fd")} - before) <= 1  # the listing's own


async def test_writers_in_the_background_hold_nobody_up(backend: NamespaceBackend) -> None:
    write = "import os, threading\ndef write():\n    for _ in range(60): os.write(1, b'x' * 4096)\n"
    async with await backend.repl() as repl:
        await repl.run(f"{write}writer = threading.Thread(target=write)\nwriter.start()")
        await asyncio.sleep(0.1)  # the pipe is full, and nobody reads it
        assert (await repl.run("writer.join(30); writer.is_alive()")).text.endswith("False\n")


async def test_it_holds_four_descriptors_and_no_module_of_ours(backend: NamespaceBackend) -> None:
    code = "import os, sys\nlive = []\nfor fd in range(1024):\n    try: os.fstat(fd)\n"
    code += "    except OSError: continue\n    live.append(fd)\n"
    code += "print(live, 'envgym' in str([*sys.modules]))\n"
    code += "print(os.getuid() != 0, os.read(0, 1), os.getppid(), os.listdir('.'))"
    async with await backend.repl() as repl:
        assert (await repl.run(code)).text == "[0, 1, 2, 3] False\nTrue b'' 0 []\n"


async def test_long_code_and_odd_code(backend: NamespaceBackend) -> None:
    async with await backend.repl() as repl:
        assert (await repl.run("x = '" + "y" * 3 * MIB + "'\nlen(x)")).text == f"{3 * MIB}\n"
        for code in (" 1", "\ud800", "x = = 1", "*()", "yield 1"):
            assert (await repl.run(code)).outcome is Outcome.RE, code
        for code in ("\n1", "*(1,), 2", "(1,\n2)", "1 # one", "1;"):
            assert (await repl.run(code)).ok, code
        with pytest.raises(UsageError, match="NUL"):
            await repl.run("\0")
        with pytest.raises(UsageError, match="fork"):
            await repl.fork()


async def test_a_daemon_ends_with_its_box(backend: NamespaceBackend) -> None:
    mark = f"71{os.getpid()}"
    repl = await backend.repl()
    assert (await repl.run(DAEMON.format(mark=mark))).ok
    await until_there(mark)
    await repl.close()
    assert not processes(mark)
    await repl.close()
    await lost(repl)
    assert backend.fork_servers == 1


async def test_closing_in_the_middle_of_a_call(backend: NamespaceBackend) -> None:
    for close in ("session", "backend"):
        mark = f"72{os.getpid()}"
        repl = await backend.repl()
        call = asyncio.create_task(repl.run(SLEEP.format(mark=mark)))
        await until_there(mark)
        await (repl.close() if close == "session" else backend.close())
        assert not processes(mark)
        with pytest.raises(BoxLost):
            await call


async def test_a_cancelled_call_takes_its_box(backend: NamespaceBackend) -> None:
    mark = f"73{os.getpid()}"
    async with await backend.repl() as repl:
        call = asyncio.create_task(repl.run(SLEEP.format(mark=mark)))
        await until_there(mark)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await lost(repl)
    assert not processes(mark)
    call = asyncio.create_task((await backend.repl()).run("while True: pass"))
    await asyncio.sleep(0)  # before there is a box
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await backend.run_python("print(1)")).text == "1\n"


async def test_death_between_calls(backend: NamespaceBackend) -> None:
    async with await backend.repl() as repl:
        later = "import os, threading\nthreading.Timer(0.05, os._exit, [0]).start()"
        assert (await repl.run(later)).ok
        await gone(repl)
        await lost(repl)


async def test_many_at_once_leave_nothing(backend: NamespaceBackend) -> None:
    all_there = asyncio.Barrier(24)

    async def one(number: int) -> None:
        async with await backend.repl() as repl:
            assert (await repl.run(f"x = {number}")).ok
            await all_there.wait()
            assert (await repl.run("x")).text == f"{number}\n"

    await asyncio.gather(*map(one, range(24)))
    files, fork_servers = len(os.listdir("/proc/self/fd")), backend.fork_servers
    await asyncio.gather(*map(one, range(24)))
    assert len(os.listdir("/proc/self/fd")) <= files
    assert backend.fork_servers <= fork_servers
    (family,) = children(backend.zygote_pid)
    assert all(not children(server) for server in children(family))


async def test_a_box_that_cannot_be_is_a_fault(backend: NamespaceBackend) -> None:
    if backend.no_group:
        pytest.skip(backend.no_group)
    await backend.run_python("")
    group = most_processes(backend)
    for most in (1, 2):  # not even a first process; no REPL
        group.write_text(str(most))
        async with await backend.repl() as repl:
            with pytest.raises(Fault, match="unavailable"):
                await repl.run("1")
    group.write_text("9")
    async with await backend.repl() as repl:
        assert (await repl.run("1")).text == "1\n"
        (family,) = children(backend.zygote_pid)
        (server,) = children(family)
        os.kill(server, signal.SIGKILL)
        with pytest.raises((Fault, SessionLost)):
            await repl.run("import time; time.sleep(600)")
    assert (await backend.run_python("print(1)")).text == "1\n"
