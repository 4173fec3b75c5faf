"""Inspect's local sandbox: processes in a temporary folder."""

from __future__ import annotations

import asyncio
import sys

from inspect_ai.util._sandbox.local import LocalSandboxEnvironment
from programs import NUMPY, PROGRAMS, finish, rates


async def main() -> None:
    """Measure and print."""
    made = await LocalSandboxEnvironment.sample_init("bench", None, {})
    sandbox = made["default"]

    async def run(code: str) -> str:
        done = await sandbox.exec([sys.executable, "-I", "-c", code])
        return done.stdout if done.success else done.stderr

    figures = await rates(run, PROGRAMS | NUMPY)
    await LocalSandboxEnvironment.sample_cleanup("bench", None, made, False)
    finish(figures)


asyncio.run(main())
