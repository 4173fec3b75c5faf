"""What holds in a box whatever its mode, one coroutine each: run in this process for ``root``, and
as a program of another user for the others (``python -m
tests.sandboxes.backends.namespace.claims MODE``).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from envgym.errors import Fault, UsageError
from envgym.sandboxes import Limits, Outcome, Result
from envgym.sandboxes.backends.namespace.backend import NamespaceBackend

MIB = 1 << 20
SECRET = "ENVGYM_TEST_SECRET"
Claim = Callable[[NamespaceBackend], Awaitable[None]]
CLAIMS: dict[str, Claim] = {}
OF_NAMESPACES: set[str] = set()


def claim(function: Claim) -> Claim:
    """A claim of every mode."""
    CLAIMS[function.__name__] = function
    return function


def of_namespaces(function: Claim) -> Claim:
    """A claim of the modes that have namespaces."""
    OF_NAMESPACES.add(function.__name__)
    return claim(function)


async def _out(backend: NamespaceBackend, code: str, limits: Limits | None = None) -> str:
    result = await backend.run_python(code, limits=limits)
    assert result.ok, (result, result.error_text)
    return result.text.strip()


async def _denied(backend: NamespaceBackend, code: str) -> None:
    result = await backend.run_python(f"import ctypes, os\nC = ctypes.CDLL(None)\n{code}")
    assert result.outcome is Outcome.DENIED, (code, result)


async def _until(there: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not there():  # noqa: ASYNC110 - it is the machine's doing, that no event tells of
            await asyncio.sleep(0.01)


def processes(mark: str) -> list[str]:
    """Processes with a word in their command lines."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


@claim
async def a_program_is_nobody_in_particular(backend: NamespaceBackend) -> None:
    text = await _out(
        backend,
        "import os\nprint(os.getuid() != 0, os.getgroups() in ([], [65534], [os.getgid()]))\n"
        "print({l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')})"
        if backend.mode != "landlock"
        else "import os\nprint(os.getuid() != 0, True)\nprint({'0000000000000000'})",
    )
    assert text.splitlines() == ["True True", "{'0000000000000000'}"]


@of_namespaces
async def it_sees_no_process_but_its_own(backend: NamespaceBackend) -> None:
    text = await _out(
        backend,
        "import os\nprint([p for p in os.listdir('/proc') if p.isdigit()] == [str(os.getpid())])\n"
        "for n in ('environ', 'mem', 'cmdline', 'fd', 'root', 'maps'):\n"
        "    try: open(f'/proc/1/{n}', 'rb').read(1); print(n)\n"
        "    except OSError: pass\n"
        "print(os.getppid())",
    )
    assert text.splitlines() == ["True", "0"]  # its parent is outside, and nobody there


@of_namespaces
async def the_machines_files_are_not_there(backend: NamespaceBackend) -> None:
    text = await _out(
        backend,
        "import os\nprint(*[p for p in ('/home', '/var', '/run', '/work', '/sys', '/mnt', '/opt',"
        " '/etc/shadow', '/etc/sudoers', '/root/.ssh', '/root/.bashrc', '/var/run/docker.sock',"
        " '/boot', '/media', '/srv', '/dev/mem', '/dev/kmsg', '/dev/tty', '/dev/vda', '/dev/kvm')"
        " if os.path.lexists(p)], sep=',')\n"
        "print(open('/etc/passwd').read().count(':x:'), os.uname().nodename)",
    )
    assert text.splitlines() == ["3 box"] or text.splitlines() == ["", "3 box"]


@claim
async def what_is_read_only_stays_so(backend: NamespaceBackend) -> None:
    text = await _out(
        backend,
        "import os, sys, json\n"
        "for p in ('/x', '/usr/x', '/etc/x', '/etc/passwd', '/dev/x', json.__file__,"
        " sys.prefix + '/x', '/proc/sys/kernel/hostname', '/proc/self/oom_score_adj'):\n"
        "    try: open(p, 'a').close(); print(p)\n"
        "    except OSError: pass\n"
        "open('own', 'w').write('x'); print(open('own').read())",
    )
    assert text == "x"


@claim
async def nothing_is_inherited(backend: NamespaceBackend) -> None:
    os.environ[SECRET] = "s3cr3t"
    text = await _out(
        backend,
        "import os\n"
        "env = dict(os.environ)\n"
        "try: env['proc'] = open('/proc/self/environ').read()\n"
        "except OSError: pass\n"
        f"print({SECRET!r} in str(env) or 's3cr3t' in str(env))\n"
        "live = []\n"
        "for fd in range(1024):\n"
        "    try: os.fstat(fd); live.append(fd)\n"
        "    except OSError: pass\n"
        "print(live, os.isatty(0))\n"
        "import resource, sys\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[1])\n"
        "print([m for m in sys.modules if m.startswith('envgym')])",
    )
    assert text.splitlines() == ["False", "[0, 1, 2] False", "0", "[]"]


@of_namespaces
async def its_network_is_its_own_loopback(backend: NamespaceBackend) -> None:
    code = (
        "import socket\n"
        "print(*[l.split(':')[0].strip() for l in open('/proc/net/dev') if ':' in l])\n"
        "s = socket.create_server(('127.0.0.1', 8765)); c = socket.create_connection"
        "(('127.0.0.1', 8765)); print('loop')\n"
        "u = socket.socket(socket.AF_UNIX); u.bind('\\0one'); print('bound')\n"
        "for where in (('1.1.1.1', 53), ('169.254.169.254', 80), ('10.0.0.1', 80)):\n"
        "    try: socket.create_connection(where, 0.5); print(where)\n"
        "    except OSError as e: print(e.errno)\n"
        "try: socket.getaddrinfo('example.com', 80); print('resolved')\n"
        "except OSError: print('unresolved')\n"
        "import time; time.sleep(0.5)"
    )
    # Both at once: the same port and the same abstract name in either.
    texts = await asyncio.gather(_out(backend, code), _out(backend, code))
    for text in texts:
        lines = text.splitlines()
        assert lines == ["lo", "loop", "bound", "101", "101", "101", "unresolved"], lines


@claim
async def one_box_finds_nothing_of_another(backend: NamespaceBackend) -> None:
    leave = (
        "import ctypes, os, socket\nfor d in ('/tmp', '/dev/shm', '.'):\n"
        "    try: open(d + '/left-' + 'behind', 'w').close()\n"
        "    except OSError: pass\n"
        "C = ctypes.CDLL(None)\nprint(C.shmget(4711, 4096, 0o1666) >= 0)\n"
    )
    find = (
        "import ctypes, os\n"
        "for d in ('/tmp', '/dev/shm', '.'):\n"
        "    try: print(*[n for n in os.listdir(d) if n == 'left-' + 'behind'], sep='')\n"
        "    except OSError: print()\n"
        "print(ctypes.CDLL(None).shmget(4711, 4096, 0))"
    )
    async with await backend.open() as one, await backend.open() as other:
        assert (await one.python(leave)).ok
        assert (await other.python(find)).text.splitlines() == ["", "", "", "-1"]
    assert (await backend.run_python(find)).text.splitlines() == ["", "", "", "-1"]


@claim
async def what_no_honest_program_does_is_denied(backend: NamespaceBackend) -> None:
    for code in (
        "C.ptrace(0, 0, 0, 0)",
        "C.unshare(0x10000000)",
        "C.mount(b'none', b'/tmp', b'tmpfs', 0, 0)",
        "C.umount2(b'/proc', 2)",
        "os.chroot('/tmp')",
        "C.setns(0, 0)",
        "C.syscall(250, 0, 0, 0, 0, 0) if os.uname().machine == 'x86_64' else C.syscall(219)",
        "C.syscall(321, 0, 0, 0) if os.uname().machine == 'x86_64' else C.syscall(280)",
        "C.reboot(0)",
        "C.process_vm_readv(1, 0, 0, 0, 0, 0)",
        "C.syscall(438, 0, 0, 0)",
        "os.execvp('unshare', ['unshare', '-r', 'true'])",
    ):
        await _denied(backend, code)


@claim
async def honest_programs_run(backend: NamespaceBackend) -> None:
    text = await _out(
        backend,
        "import multiprocessing, os, socket, subprocess, sys, tempfile, threading\n"
        "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n"
        "sys.stdout.flush()\n"
        "subprocess.run(['bash', '-c', 'echo shell | cat'], check=True)\n"
        "print(subprocess.run([sys.executable, '-c', 'print(6*7)'], capture_output=True).stdout)\n"
        "a, b = multiprocessing.Pipe(); a.send(1); print(b.recv())\n"
        "with tempfile.NamedTemporaryFile() as f: print(f.closed)\n"
        "try: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)\n"
        "except OSError as error: print(error.errno)\n"
        "os.sched_setaffinity(0, os.sched_getaffinity(0)); os.nice(1)\n"
        "print(isinstance(quit, object), hash('a') == hash('a'))",
    )
    assert text.splitlines() == ["thread", "shell", "b'42\\n'", "1", "False", "97", "True True"]


@claim
async def programs_draw_and_fork_as_if_just_started(backend: NamespaceBackend) -> None:
    code = (
        "import os, random, sys, threading\n"
        "def draw(): print(random.random(), flush=True)\n"
        "draw()\nif os.fork() == 0: draw(); os._exit(0)\n"
        "os.wait(); draw()\n"
        "sys.stdout.flush()\n"
        "t = threading.Thread(target=lambda: None); t.start(); t.join()\n"
        "os.register_at_fork(after_in_child=lambda: print('hook', flush=True))\n"
        "if os.fork() == 0: print(threading.active_count(), flush=True); os._exit(0)\n"
        "os.wait()"
    )
    texts = [(await _out(backend, code)).splitlines() for _ in range(2)]
    for text in texts:
        assert text[3:] == ["hook", "1"], text
    drawn = [number for text in texts for number in text[:3]]
    assert len(set(drawn)) == 6


@claim
async def signals_stay_inside(backend: NamespaceBackend) -> None:
    async with await backend.open() as box:
        result = await box.python(
            "import os, signal\n"
            "for pid in (1, os.getppid()):\n"
            "    for number in (2, 15, 9, 19):\n"
            "        try: os.kill(pid, number)\n"
            "        except OSError: pass\n"
            "signal.signal(15, signal.SIG_IGN)\n"
            "try: os.kill(-1, 15)\n"
            "except OSError: pass\n"
            "print('alive')"
        )
        assert result.text == "alive\n", result
        assert (await box.python("print(1)")).ok


@claim
async def too_many_processes_are_its_own_trouble(backend: NamespaceBackend) -> None:
    limits = Limits(processes=20, wall_s=5, cpu_s=5)
    async with await backend.open(limits=limits) as box:
        bomb = "import os, time\nfor _ in range(200):\n    if os.fork() == 0: time.sleep(60)\n"
        result = await box.python(bomb)
        assert result.outcome is Outcome.PLE, result
        result = await box.python("import os\nwhile True: os.fork()")
        seen = (Outcome.RE,) if backend.no_group else ()  # all may end before anybody counts them
        assert result.outcome in (Outcome.PLE, Outcome.TLE, *seen), result
        assert (await box.python("print(1)")).ok


@claim
async def too_much_memory_is_its_own_trouble(backend: NamespaceBackend) -> None:
    limits = Limits(memory_bytes=96 * MIB, disk_bytes=256 * MIB)
    async with await backend.open(limits=limits) as box:
        result = await box.python("x = []\nwhile True: x.append(b'x' * 100_000)")
        assert result.outcome is Outcome.MLE, result
        result = await box.python("x = bytearray(1 << 30)")  # refused at once, or had and killed
        assert result.outcome is (Outcome.RE if backend.no_group else Outcome.MLE), result
        assert (await box.python("print(1)")).ok


@of_namespaces
async def files_that_fill_the_memory_are_no_fault(backend: NamespaceBackend) -> None:
    fill = "f = open('/tmp/a', 'wb')\nfor _ in range(24): f.write(bytes(1 << 20)); f.flush()"
    async with await backend.open(limits=Limits(memory_bytes=32 * MIB)) as box:
        assert (await box.python(fill)).ok
        if backend.no_group:  # nothing but its own size holds a disk
            await box.write("b", bytes(24 * MIB))
        else:
            with pytest.raises(UsageError, match="open another one"):
                await box.write("b", bytes(24 * MIB))
    assert (await backend.run_python("print(1)")).ok


@of_namespaces
async def its_disk_has_an_end(backend: NamespaceBackend) -> None:
    limits = Limits(disk_bytes=4 * MIB, memory_bytes=256 * MIB)
    text = await _out(
        backend,
        "import errno, os\n"
        "for place in ('/tmp', '/dev/shm', '/box'):\n"
        "    try:\n"
        "        with open(place + '/a', 'wb') as f:\n"
        "            for _ in range(64): f.write(bytes(1 << 20)); f.flush()\n"
        "    except OSError as e: print(errno.errorcode[e.errno])\n"
        "os.remove('/tmp/a')\n"
        "try:\n"
        "    for i in range(100_000): open(f'/tmp/{i}', 'w').close()\n"
        "except OSError as e: print(errno.errorcode[e.errno], i < 1000)",
        limits,
    )
    assert text.splitlines() == ["ENOSPC"] * 3 + ["ENOSPC True"]


@claim
async def closing_leaves_nothing(backend: NamespaceBackend) -> None:
    mark = f"86{os.getpid()}"
    box = await backend.open()
    session = await box.shell()
    assert (await session.run(f"sleep {mark} & disown")).ok
    program = f"import os\nif os.fork() == 0: os.setsid(); os.execvp('sleep', ['sleep', '{mark}'])"
    assert (await box.python(program)).ok
    await _until(lambda: bool(processes(mark)))
    await box.close()
    assert not processes(mark)
    await box.close()


@claim
async def who_hides_from_the_supervisor_dies_too(backend: NamespaceBackend) -> None:
    mark = f"87{os.getpid()}"
    hide = (
        "import ctypes, os, time\nC = ctypes.CDLL(None)\n"
        "if os.fork() == 0:\n    os.setsid()\n    C.prctl(4, 0, 0, 0, 0); C.prctl(36, 0, 0, 0, 0)\n"
        "    if os.fork() == 0:\n"
        f"        os.execvp('sleep', ['sleep', '{mark}'])\n"
        "    time.sleep(60)\n"
        "C.prctl(36, 0, 0, 0, 0); time.sleep(0.2)\n"
    )
    async with await backend.open() as box, await box.repl() as session:
        assert (await session.run("x = 1")).ok
        assert (await box.python(hide)).ok
        await _until(lambda: not processes(mark))
        assert (await session.run("x")).text == "1\n"


@claim
async def a_repl_that_is_its_own_box_is_held(backend: NamespaceBackend) -> None:
    small = Limits(memory_bytes=96 * MIB, wall_s=60)
    for code, outcome in (
        ("while True: pass", Outcome.TLE),
        ("x = []\nwhile True: x.append(b'x' * 100_000)", Outcome.MLE),
        ("import ctypes; ctypes.CDLL(None).unshare(0x10000000)", Outcome.DENIED),
    ):
        async with await backend.repl(limits=small) as repl:
            assert (await repl.run("import os; n = os.getuid()")).ok
            assert (await repl.run("n != 0")).text == "True\n"
            result = await repl.run(code, limits=Limits(cpu_s=0.5, wall_s=60))
            assert result.outcome is outcome, (code, result)


@claim
async def descriptors_come_back(backend: NamespaceBackend) -> None:
    await asyncio.gather(*(backend.run_python("print(1)") for _ in range(4)))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        await asyncio.gather(*(backend.run_python("print(1)") for _ in range(4)))
    assert len(os.listdir("/proc/self/fd")) <= before


@claim
async def cancelling_kills(backend: NamespaceBackend) -> None:
    mark = f"88{os.getpid()}"
    async with await backend.open() as box:
        task = asyncio.create_task(box.exec(["sleep", mark]))
        await _until(lambda: bool(processes(mark)))
        task.cancel()
        await _until(lambda: not processes(mark))
        assert (await box.python("print(1)")).ok


@claim
async def a_killed_zygote_is_a_fault_and_is_replaced(backend: NamespaceBackend) -> None:
    mark = f"89{os.getpid()}"
    box = await backend.open()
    task: asyncio.Task[Result] = asyncio.create_task(box.exec(["sleep", mark]))
    await _until(lambda: bool(processes(mark)))
    os.kill(backend.zygote_pid, 9)
    with pytest.raises(Fault, match="sandbox") as raised:
        await task
    assert raised.value.kind == "infra"
    await _until(lambda: not processes(mark))
    assert (await backend.run_python("print(6 * 7)")).text == "42\n"
    await box.close()


async def check_all(mode: str) -> dict[str, str]:
    """Run the claims of a mode; what is wrong with each, or ""."""
    wrong: dict[str, str] = {}
    async with NamespaceBackend(mode) as backend:
        for name, function in CLAIMS.items():
            if mode == "landlock" and name in OF_NAMESPACES:
                continue
            try:
                async with asyncio.timeout(60):
                    await function(backend)
                wrong[name] = ""
            except Exception:
                wrong[name] = traceback.format_exc()
    return wrong


if __name__ == "__main__":
    print(json.dumps(asyncio.run(check_all(sys.argv[1]))))
