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
_AS = (
    "import os, sys\n"
    "if os.geteuid() == 0:\n"
    f"    os.setgroups([]); os.setresgid(*[{ORDINARY}] * 3); os.setresuid(*[{ORDINARY}] * 3)\n"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


@functools.cache
def interpreter() -> str:
    """A Python that an ordinary user may start and that finds envgym's libraries, or ""."""
    for python in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        if python and _ordinary(python, "-c", "import envgym.sandboxes.boxed").returncode == 0:
            return python
    return ""


def _ordinary(python: str, *args: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """A Python program as an ordinary user, from the repository's root."""
    libraries = [p for p in sys.path if p.endswith("site-packages")]
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), *libraries]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    argv = [sys.executable, "-c", _AS, python, *args]
    return subprocess.run(
        argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout, check=False
    )


@functools.cache
def results_as_user(mode: str) -> dict[str, str]:
    done = _ordinary(interpreter(), "-m", "tests.sandboxes.namespace.claims", mode)
    if done.returncode:
        return {name: done.stderr for name in CLAIMS}
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", CLAIMS)
async def test_root(name: str) -> None:
    need(os.geteuid() == 0, "root's boxes need root")
    async with NamespaceBackend("root") as backend:
        await CLAIMS[name](backend)


@pytest.mark.parametrize("name", CLAIMS)
def test_user(name: str) -> None:
    need(bool(interpreter()), "no Python here that an ordinary user may start with envgym")
    refused = _ordinary(interpreter(), "-c", "import os; os.unshare") if False else None
    assert refused is None
    wrong = results_as_user("user")[name]
    assert not wrong, wrong
