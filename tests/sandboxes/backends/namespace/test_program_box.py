"""A program in a box of its own without a supervisor (`run_python`): its ends, and what is left."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from envgym.errors import Fault, UsageError
from envgym.sandboxes import Limits, Outcome
from envgym.sandboxes.backends.namespace.backend import NamespaceBackend
from envgym.sandboxes.backends.namespace.probe import tried
from envgym.sandboxes.base import BoxLost
from envgym.sandboxes.supervisor.processes import children
from tests.machine import need
from tests.sandboxes.backends.namespace.claims import processes

MIB = 1 << 20
FIND = """
import sys
want, found = "".join(sys.stdin.read().split()).encode(), 0
for line in open("/proc/self/maps"):
    span, mode, *_ = line.split()
    if mode.startswith("rw"):
        begin, end = (int(x, 16) for x in span.split("-"))
        with open("/proc/self/mem", "rb", 0) as memory:
            memory.seek(begin)
            found += memory.read(end - begin).count(want)
print(found)
"""
"""Counts a word, given in two halves, in all of the program's own memory."""


@pytest.fixture
async def backend() -> AsyncIterator[NamespaceBackend]:
    found = await tried("root" if os.geteuid() == 0 else "user")
    need(found.there, found.detail)
    async with NamespaceBackend() as backend:
        yield backend


def most_processes(backend: NamespaceBackend) -> Path:
    """The limit of the only fork server's control group."""
    assert backend._parent is not None
    (path,) = Path(backend._parent.folders["pids"]).glob("*/pids.max")
    return path


async def until_there(mark: str) -> None:
    async with asyncio.timeout(20):
        while not processes(mark):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)


async def test_source_and_input_come_whole_and_apart(backend: NamespaceBackend) -> None:
    code = "import sys\ndata = sys.stdin.buffer.read()\nprint(len(data), set(data) == {120})"
    for size in (0, 5, 3 * MIB):
        long = f"#{'é' * size}\n{code}"
        expected = f"{size} {size > 0}\n"
        assert (await backend.run_python(long, stdin=b"x" * size)).text == expected
    result = await backend.run_python("print('not read')", stdin=b"x" * 3 * MIB)
    assert result.text == "not read\n"
    with pytest.raises(UsageError, match="stdin_bytes"):
        await backend.run_python("", stdin=b"xx", limits=Limits(stdin_bytes=1))


@pytest.mark.parametrize(
    ("code", "outcome", "exit_code"),
    [
        ("import sys; sys.exit(3)", Outcome.RE, 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", Outcome.RE, -11),
        ("while True: pass", Outcome.TLE, None),
        ("import time\nwhile True: time.sleep(9)", Outcome.TLE, None),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", Outcome.TLE, None),
        ("while True: print('x' * 9999)", Outcome.OLE, None),
        ("import sys\nsys.stderr.write('x' * 99999)", Outcome.OLE, None),
        ("import ctypes; ctypes.CDLL(None).unshare(0x10000000)", Outcome.DENIED, -31),
        ("import os\nfor _ in range(99): os.fork() or os.pause()", Outcome.PLE, 1),
        ("x = bytearray(1 << 30)", Outcome.MLE, None),
    ],
)
async def test_every_end_has_its_outcome(
    backend: NamespaceBackend, code: str, outcome: Outcome, exit_code: int | None
) -> None:
    wall_s = 1 if outcome is Outcome.TLE else 20
    limits = Limits(wall_s=wall_s, processes=20, output_bytes=50_000, memory_bytes=96 * MIB)
    result = await backend.run_python(code, limits=limits)
    assert result.outcome is outcome, result
    if outcome is not Outcome.MLE:  # at a resource limit the program ends by itself
        assert result.exit_code == exit_code, result
    assert len(result.stdout) <= 50_000
    assert len(result.stderr) <= 50_000
    assert (await backend.run_python("print(1)")).text == "1\n"


async def test_files_that_fill_the_memory_are_the_programs_doing(backend: NamespaceBackend) -> None:
    if backend.no_group:
        pytest.skip(backend.no_group)
    fill = "import os\nos.fork()\nwith open(f'/tmp/{os.getpid()}', 'wb') as f:\n"
    fill += "    while True: f.write(bytes(1 << 20)); f.flush()"
    limits = Limits(memory_bytes=48 * MIB, wall_s=20)
    for _ in range(8):
        assert (await backend.run_python(fill, limits=limits)).outcome is Outcome.MLE
    assert backend.fork_servers == 1


FORKS = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    try:
        if os.fork() == 0:
            if os.fork(): os._exit(0)
            time.sleep(0.05)
    except OSError: pass
"""


async def test_what_is_left_of_ended_processes_is_not_the_next_ones(
    backend: NamespaceBackend,
) -> None:
    storm = Limits(wall_s=0.3, memory_bytes=96 * MIB, processes=16)
    small = Limits(wall_s=20, memory_bytes=20 * MIB)
    for _ in range(10):
        assert (await backend.run_python(FORKS, limits=storm)).outcome in ("TLE", "MLE", "PLE")
        assert (await backend.run_python("print(1)", limits=small)).text == "1\n"


async def test_nothing_of_one_run_is_in_the_memory_of_the_next(backend: NamespaceBackend) -> None:
    """Later boxes are forks of the same fork server, so no data of a program may pass it."""
    halves = os.urandom(12).hex(), os.urandom(12).hex()
    secret = "".join(halves)
    code = f"import sys\nprint({secret!r}, sys.stdin.read())\n1 / 0"
    leaving = await backend.run_python(code, stdin=secret.encode())
    assert leaving.text.count(secret) == 2
    assert leaving.outcome is Outcome.RE
    known, other = [
        await backend.run_python(FIND, stdin=" ".join(two).encode())
        for two in (halves, (halves[0], os.urandom(12).hex()))
    ]
    assert backend.fork_servers == 1
    assert known.ok
    assert int(known.text) > 0
    assert known.text == other.text


async def test_a_run_that_is_cancelled_is_gone(backend: NamespaceBackend) -> None:
    mark = f"81{os.getpid()}"
    code = f"import os\nos.fork()\nos.execvp('sleep', ['sleep', '{mark}'])"
    task = asyncio.create_task(backend.run_python(code, limits=Limits(wall_s=60)))
    await until_there(mark)
    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not processes(mark)
    assert time.monotonic() - began < 30
    assert (await backend.run_python("print(1)")).text == "1\n"
    assert backend.fork_servers == 1


async def test_what_a_program_leaves_ends_with_it(backend: NamespaceBackend) -> None:
    mark = f"82{os.getpid()}"
    code = (
        "import os, sys\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        f"        os.execvp('sleep', ['sleep', '{mark}'])\n    os._exit(0)\n"
        "os.wait()\nprint('left')"
    )
    result = await backend.run_python(code)
    assert (result.outcome, result.text) == (Outcome.OK, "left\n")
    assert not processes(mark)


async def test_orphans_are_reaped_while_a_program_runs(backend: NamespaceBackend) -> None:
    code = (
        "import os, time\nfor _ in range(100):\n    if os.fork() == 0:\n"
        "        if os.fork() == 0: os._exit(0)\n        os._exit(0)\n    os.wait()\n"
        "    time.sleep(0.005)\nprint('all')"
    )
    assert (await backend.run_python(code, limits=Limits(processes=16))).text == "all\n"


async def test_closing_ends_what_runs(backend: NamespaceBackend) -> None:
    mark = f"83{os.getpid()}"
    code = f"import os\nos.execvp('sleep', ['sleep', '{mark}'])"
    task = asyncio.create_task(backend.run_python(code))
    await until_there(mark)
    await backend.close()
    assert not processes(mark)
    with pytest.raises(BoxLost):
        await task


async def test_a_fork_that_fails_is_a_fault(backend: NamespaceBackend) -> None:
    if backend.no_group:
        pytest.skip(backend.no_group)
    await backend.run_python("")
    group = most_processes(backend)
    for most in (1, 2):  # not even a first process; no program
        group.write_text(str(most))
        with pytest.raises(Fault, match="unavailable"):
            await backend.run_python("")
    group.write_text("9")
    assert (await backend.run_python("print(1)")).text == "1\n"
    assert backend.fork_servers == 1


async def test_a_killed_fork_server_is_a_fault_and_leaves_nothing(
    backend: NamespaceBackend,
) -> None:
    mark = f"84{os.getpid()}"
    code = (
        "import os\nif os.fork() == 0:\n    os.setsid()\n"
        f"    os.execvp('sleep', ['sleep', '{mark}'])\nos.wait()"
    )
    task = asyncio.create_task(backend.run_python(code))
    await until_there(mark)
    (family,) = children(backend.zygote_pid)
    (server,) = children(family)
    os.kill(server, signal.SIGKILL)
    with pytest.raises(Fault):
        await task
    async with asyncio.timeout(20):
        while processes(mark):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await backend.run_python("print(1)")).text == "1\n"
