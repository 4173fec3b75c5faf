"""Plain processes, and the same in bubblewrap: each run starts an interpreter.

Bubblewrap gets what makes it quick: the machine's own root, read-only, and one tmpfs.
"""

from __future__ import annotations

import asyncio
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

MANY = 1000
BWRAP = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--tmpfs", "/tmp"]
for path in (sys.prefix, sys.base_prefix):  # they may lie below /tmp
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


async def boxes() -> dict[str, float]:
    """A box that does nothing, and a thousand that are open together."""

    def one(_: str) -> str:
        subprocess.run([*BWRAP, "true"], check=True)
        return ""

    figures = {"start_ms": await median_ms(partial(in_threads(one), ""), 50)}

    def start(_: str) -> str:
        box = subprocess.Popen([*BWRAP, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        box.stdin.write(b"\n")
        box.stdin.flush()
        assert box.stdout.readline() == b"\n"
        open_boxes.append(box)
        return ""

    open_boxes: list[subprocess.Popen[bytes]] = []
    opened = in_threads(start)
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(opened("") for _ in range(MANY)))
    figures["boxes_1000_s"] = asyncio.get_running_loop().time() - began
    for box in open_boxes:
        box.communicate()
    return figures


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
        figures |= await boxes()
    finish(figures)


asyncio.run(main())
