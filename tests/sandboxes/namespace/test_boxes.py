"""Boxes of every mode that this machine has, held to the claims."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envgym.sandboxes.namespace.backend import NamespaceBackend
from tests.sandboxes.namespace.claims import CLAIMS, OF_NAMESPACES
from tests.sandboxes.namespace.machine import need

ROOT = Path(__file__).parents[3]
ORDINARY = 65534
_STAY = "import os, sys\n"
_AS = (
    f"{_STAY}if os.geteuid() == 0:\n"
    f"    os.setgroups([]); os.setresgid(*[{ORDINARY}] * 3); os.setresuid(*[{ORDINARY}] * 3)\n"
)
_EXECUTE = "os.execv(sys.argv[1], sys.argv[1:])"
_TRY = (
    "import asyncio\nfrom envgym.sandboxes.namespace.probe import tried\n"
    "found = asyncio.run(tried({mode!r}))\nprint('' if found.there else found.detail)"
)
GUESTS = [name for name in CLAIMS if name not in OF_NAMESPACES]


@functools.cache
def interpreter() -> str:
    """A Python that an ordinary user may start and that finds envgym's libraries, or ""."""
    for python in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        if python and _run(_AS, python, "-c", "import envgym.sandboxes.boxed").returncode == 0:
            return python
    return ""


def _run(first: str, python: str, *args: str) -> subprocess.CompletedProcess[str]:
    """A Python program in the repository's root, after the lines of `first`."""
    libraries = [p for p in sys.path if p.endswith("site-packages")]
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), *libraries]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    argv = [sys.executable, "-c", first + _EXECUTE, python, *args]
    return subprocess.run(
        argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False
    )


@functools.cache
def without(mode: str, user: str) -> str:
    """Why this machine has no boxes of a mode, or ""."""
    if not interpreter():
        return "no Python here that an ordinary user may start with envgym's libraries"
    done = _run(user, interpreter(), "-c", _TRY.format(mode=mode))
    return done.stdout.strip() or done.stderr


@functools.cache
def results(mode: str, user: str) -> dict[str, str]:
    """What is wrong with each claim."""
    done = _run(user, interpreter(), "-m", "tests.sandboxes.namespace.claims", mode)
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
