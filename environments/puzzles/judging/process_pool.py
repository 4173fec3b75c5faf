"""Pool of judge processes, for libraries that a hostile answer could hang or crash.

A thread that computes 9^9^9^9 cannot be stopped; a process can. So such libraries run in a few
processes shared by all environments of an event loop and started by the first answer. They inherit
no environment variables, may write no file, and end with their parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Any

from envgym.environments.puzzles.judging.child import READY
from envgym.errors import Fault
from envgym.resources import Shared

PROCESSES = 2
WALL_S = 300.0
"""Wall seconds per judgement, start of the process included; exceeded on a broken machine only."""
_LINE_BYTES = 1 << 22


class JudgePool:
    """Processes of one judge module, which calls ``judging.child.serve``.

    Args:
        module: Full name of the judge module.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._turn = asyncio.Semaphore(PROCESSES)
        self._idle: list[Process] = []

    @classmethod
    def shared(cls, module: str) -> Shared[JudgePool]:
        """Shared pool of the running event loop."""
        key = ("puzzles/judges", module, asyncio.get_running_loop())
        return Shared(key, lambda: cls(module))

    async def ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Reply of a judge, or None for a request that kills its process.

        Raises:
            Fault: The judge cannot be run here, the machine is too slow for it, or what is to be
                judged by is broken.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(WALL_S):
                    # Retry once: a request that really kills its process kills the second, too.
                    for _ in range(2):
                        process = self._idle.pop() if self._idle else await self._start()
                        line = await self._exchange(process, request)
                        if line.endswith(b"\n"):
                            self._idle.append(process)
                            return self._checked(json.loads(line))
                        if await process.wait() == -signal.SIGXCPU:
                            break
            except TimeoutError:
                raise Fault(f"{self._module} gave no verdict within {WALL_S:g} s") from None
        return None

    def _checked(self, reply: dict[str, Any]) -> dict[str, Any]:
        if "broken" in reply:
            raise Fault(f"{self._module}: {reply['broken']}", "env")
        return reply

    async def aclose(self) -> None:
        """Terminate the processes."""
        idle, self._idle = self._idle, []
        for process in idle:
            await _end(process)

    async def _start(self) -> Process:
        paths = os.pathsep.join(path for path in sys.path if path)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._module),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={"PYTHONPATH": paths, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C must not reach it
            limit=_LINE_BYTES,
        )
        if await self._exchange(process, None) != READY:
            await _end(process)
            raise Fault(f"the judge does not start: python -m {self._module} says why")
        return process

    async def _exchange(self, process: Process, request: dict[str, Any] | None) -> bytes:
        """Write a request and read its reply; an interrupted exchange makes the process useless."""
        assert process.stdin
        assert process.stdout
        try:
            with contextlib.suppress(ConnectionError):
                if request is not None:
                    process.stdin.write(json.dumps(request).encode() + b"\n")
                    await process.stdin.drain()
                return await process.stdout.readline()
            return b""
        except BaseException:
            await _end(process)
            raise


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await asyncio.shield(process.wait())
