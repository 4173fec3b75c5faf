"""verifiers' runtimes: processes of this machine, or of one container."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from programs import NUMPY, PROGRAMS, absent, finish, median_ms, rates
from verifiers.v1.runtimes import DockerConfig, DockerRuntime, SubprocessConfig, SubprocessRuntime

IMAGE = "envgym/base"


def made(kind: str):
    if kind == "docker":
        return DockerRuntime(DockerConfig(image=IMAGE))
    return SubprocessRuntime(SubprocessConfig())


def look_for_image() -> None:
    """Say what is missing, if something is."""
    try:
        there = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True)
    except FileNotFoundError:
        absent("there is no docker command")
    if there.returncode:
        absent(there.stderr.decode().strip())


async def main() -> None:
    """Measure and print."""
    kind = sys.argv[1]
    python, programs = sys.executable, PROGRAMS | NUMPY
    if kind == "docker":
        python, programs = "/usr/bin/python3", PROGRAMS  # the image's: it mounts nothing
        look_for_image()
    runtime = made(kind)
    await runtime.start()
    try:

        async def run(code: str) -> str:
            done = await runtime.run([python, "-I", "-c", code], {})
            return done.stdout if done.exit_code == 0 else done.stderr

        async def one() -> None:
            other = made(kind)
            await other.start()
            await other.stop()

        figures = await rates(run, programs)
        if kind == "docker":
            figures["start_ms"] = await median_ms(one, 3)
    finally:
        await runtime.stop()
    finish(figures)


asyncio.run(main())
