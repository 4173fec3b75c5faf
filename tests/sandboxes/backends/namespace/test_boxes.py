"""Boxes of every mode that this machine has, held to the claims."""

from __future__ import annotations

import functools
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envgym.sandboxes.backends.namespace.backend import NamespaceBackend
from tests.machine import need
from tests.sandboxes.backends.namespace.claims import CLAIMS, OF_NAMESPACES, processes

ROOT = Path(__file__).parents[4]
ORDINARY = 65534
_STAY = "import os, sys\n"
_AS = (
    f"{_STAY}if os.geteuid() == 0:\n"
    f"    os.setgroups([]); os.setresgid(*[{ORDINARY}] * 3); os.setresuid(*[{ORDINARY}] * 3)\n"
)
_EXECUTE = "os.execv(sys.argv[1], sys.argv[1:])"
_TRY = (
    "import asyncio\nfrom envgym.sandboxes.backends.namespace.probe import tried\n"
    "found = asyncio.run(tried({mode!r}))\nprint('' if found.there else found.detail)"
)
GUESTS = [name for name in CLAIMS if name not in OF_NAMESPACES]


@functools.cache
def interpreter() -> str:
    """A Python that an ordinary user may start and that finds envgym's libraries, or ""."""
    for python in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        if (
            python
            and _run(
                _AS, python, "-c", "import envgym.sandboxes.supervisor_client.supervised_sandbox"
            ).returncode
            == 0
        ):
            return python
    return ""


def _run(first: str, python: str, *args: str) -> subprocess.CompletedProcess[str]:
    """A Python program in the repository's root, after the lines of `first`."""
    with _start(first, python, *args) as process:
        out, error = process.communicate(timeout=240)
    return subprocess.CompletedProcess(args, process.returncode, out, error)


def _start(first: str, python: str, *args: str) -> subprocess.Popen[str]:
    libraries = [p for p in sys.path if p.endswith("site-packages")]
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), *libraries]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    argv = [sys.executable, "-c", first + _EXECUTE, python, *args]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True)


@functools.cache
def without(mode: str, user: str) -> str:
    """Why this machine has no boxes of a mode, or ""; a skip where others cannot reach the code."""
    for folder in (ROOT, *ROOT.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            pytest.skip(
                f"{folder} is closed to other users: an ordinary one cannot run what is here"
            )
    if not interpreter():
        return "no Python here that an ordinary user may start with envgym's libraries"
    done = _run(user, interpreter(), "-c", _TRY.format(mode=mode))
    return done.stdout.strip() or done.stderr


@functools.cache
def results(mode: str, user: str) -> dict[str, str]:
    """What is wrong with each claim."""
    done = _run(user, interpreter(), "-m", "tests.sandboxes.backends.namespace.claims", mode)
    if done.returncode:
        return dict.fromkeys(CLAIMS, done.stderr)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def hold(mode: str, user: str, name: str) -> None:
    """Run a mode's claims as a user, once, and look at one."""
    why = without(mode, user)
    need(not why, why)
    wrong = results(mode, user)[name]
    assert not wrong, wrong


@pytest.mark.parametrize("name", CLAIMS)
async def test_root(name: str) -> None:
    need(os.geteuid() == 0, "root's boxes need root")
    async with NamespaceBackend("root") as backend:
        await CLAIMS[name](backend)


@pytest.mark.parametrize("name", CLAIMS)
def test_ordinary_user(name: str) -> None:
    hold("user", _AS, name)


@pytest.mark.parametrize("name", GUESTS)
def test_landlock_as_root(name: str) -> None:
    need(os.geteuid() == 0, "user ids of boxes' own need root")
    hold("landlock", _STAY, name)


@pytest.mark.parametrize("name", GUESTS)
def test_landlock_as_an_ordinary_user(name: str) -> None:
    hold("landlock", _AS, name)


_HOST = """
import asyncio, os
from envgym.sandboxes.backends.namespace.backend import NamespaceBackend
async def main():
    backend = NamespaceBackend({mode!r})
    box = await backend.open()
    daemon = '''if True:
        import os, time
        if os.fork() == 0:
            os.setsid()
            os.execvp('sleep', ['sleep', '85' + '{pid}'])  # its word is in no other command line
        time.sleep(60)
    '''
    running = asyncio.create_task(box.python(daemon))
    print(os.getpid(), flush=True)
    await running
asyncio.run(main())
"""


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("mode", "user"),
    [("root", _STAY), ("user", _AS), ("landlock", _STAY), ("landlock", _AS)],
    ids=["root", "user", "landlock-root", "landlock-user"],
)
def test_nothing_outlives_a_host_that_is_killed(mode: str, user: str) -> None:
    need(user == _AS or os.geteuid() == 0, "root's boxes need root")
    why = without(mode, user)
    need(not why, why)
    mark = f"85{os.getpid()}"
    program = _HOST.format(mode=mode, pid=os.getpid())
    with _start(user, interpreter(), "-c", program) as host:
        assert host.stdout is not None
        pid = int(host.stdout.readline())
        _until(lambda: bool(processes(mark)))
        os.kill(pid, 9)
    _until(lambda: not processes(mark))
