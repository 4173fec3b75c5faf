"""Plain processes, and the same in bubblewrap: each run starts an interpreter.

Bubblewrap gets what makes it quick: the few folders that an interpreter needs, read-only.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from functools import partial

from programs import (
    ANSWER,
    ASK,
    NUMPY,
    PROGRAMS,
    SET_UP,
    absent,
    finish,
    in_threads,
    median_ms,
    rates,
    timed,
)

BWRAP = ["bwrap", "--unshare-all", "--die-with-parent", "--tmpfs", "/tmp"]
for path in ("/usr", "/bin", "/lib", "/lib64", "/etc", sys.prefix, sys.base_prefix):
    if os.path.islink(path) and path.startswith(("/bin", "/lib")):
        BWRAP += ["--symlink", os.readlink(path), path]
    elif os.path.exists(path):
        BWRAP += ["--ro-bind", path, path]
BWRAP += ["--proc", "/proc", "--dev", "/dev"]
BEFORE = {
    "subprocess": [sys.executable, "-I"],
    "subprocess_bare": [sys.executable, "-I", "-S"],
    "bubblewrap": [*BWRAP, sys.executable, "-I"],
}
REPL = ["-u", "-q", "-i", "-c", "import sys; sys.ps1 = sys.ps2 = ''"]


class Repl:
    """An interpreter at the other end of two pipes."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            [*command, *REPL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )

    def say(self, code: str) -> None:
        self.process.stdin.write(code.encode() + b"\n")

    async def run(self, code: str) -> str:
        self.say(code)
        return self.process.stdout.readline().decode()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


async def sessions(command: list[str]) -> dict[str, float]:
    """Round trips of a REPL, and a new one brought to where another with 200 MB is."""
    repl = Repl(command)
    trips, wall = await timed(repl.run, "6 * 7", "42\n", 1, 1.0)
    repl.close()

    async def set_up_again() -> None:
        repl = Repl(command)
        repl.say(SET_UP)
        assert await repl.run(ASK) == ANSWER
        repl.close()

    return {
        "repl_per_s": len(trips) / wall,
        "fork_200mb_ms": await median_ms(set_up_again, 5),
    }


async def start_ms() -> float:
    """A box that does nothing."""

    def one(_: str) -> str:
        subprocess.run([*BWRAP, "true"], check=True)
        return ""

    return await median_ms(partial(in_threads(one), ""), 50)


async def main() -> None:
    """Measure and print."""
    kind = sys.argv[1]
    if kind == "bubblewrap" and shutil.which("bwrap") is None:
        absent("bwrap is not installed: apt-get install bubblewrap")
    command = BEFORE[kind]

    def run(code: str) -> str:
        done = subprocess.run(
            [*command, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
        return done.stdout.decode()

    programs = PROGRAMS if "-S" in command else PROGRAMS | NUMPY
    figures = await rates(in_threads(run), programs) | await sessions(command)
    if kind == "bubblewrap":
        figures["start_ms"] = await start_ms()
    finish(figures)


asyncio.run(main())
