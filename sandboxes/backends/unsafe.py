"""Unsafe backend: programs as plain child processes, without isolation, for trusted code.

Limits, outcomes, sessions and snapshots are those of every backend. Nothing chooses it
automatically.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from envgym.errors import Fault, UsageError
from envgym.sandboxes.base import Backend, Sandbox
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.supervisor_client.connection import SupervisorConnection
from envgym.sandboxes.supervisor_client.supervised_sandbox import Box
from envgym.sandboxes.supervisor_client.supervisor_zip import box_archive

_PREFIX, _LOCK = "envgym-unsafe-", "lock"


class UnsafeBackend(Backend):
    """Sandboxes that are folders in the temporary directory, with one supervisor each."""

    name = "unsafe"
    isolation = "none: programs run as this user, see its files and its network"

    def __init__(self) -> None:
        _reap(Path(tempfile.gettempdir()))
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock: int | None = _locked(self._folder)
        self._archive = self._folder / "box.zip"
        self._archive.write_bytes(box_archive())
        self._boxes: set[Box] = set()
        self._count = 0

    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """See `Backend`."""
        bounds = limits or Limits()
        if self._lock is None:
            raise UsageError("the backend is closed: open a new one")
        self._count += 1
        workdir = self._folder / str(self._count)
        workdir.mkdir()
        config = json.dumps({"workdir": str(workdir)})
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", self._archive, config),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={},
                start_new_session=True,
            )
        except BaseException as error:
            await _remove(workdir)
            if isinstance(error, OSError):
                raise Fault(f"sandbox: cannot start a supervisor: {error}", "infra") from error
            raise
        assert process.stdin is not None
        assert process.stdout is not None

        async def end() -> None:
            self._boxes.discard(box)
            process.stdin.close()  # type: ignore[union-attr]
            try:
                await asyncio.wait_for(process.wait(), 5.0)
            except TimeoutError:
                process.kill()
                await process.wait()
            await _remove(workdir)

        async def cause() -> Outcome | None:
            return Outcome.RE  # it runs as its supervisor does, and killed it

        async def reopen(files: bytes) -> Sandbox:
            return await self.open(limits=bounds, snapshot=files)

        link = SupervisorConnection(process.stdout, process.stdin)
        box = Box(link, bounds, end=end, reopen=reopen, cause=cause)
        self._boxes.add(box)
        if snapshot is not None:
            await box.restore(snapshot)
        return box

    async def close(self) -> None:
        """See `Backend`."""
        await asyncio.gather(*(box.close() for box in list(self._boxes)))
        await _remove(self._folder)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


async def _remove(folder: Path) -> None:
    """Remove a folder of any depth; `shutil.rmtree` recurses and cannot."""
    with contextlib.suppress(OSError):  # no process, no descriptor: the next backend removes it
        remover = await asyncio.create_subprocess_exec("rm", "-rf", "--", folder)
        await remover.wait()


def _locked(folder: Path) -> int:
    """Create and lock a folder for this process's life; the lock is held before it has its name."""
    lock = os.open(folder / "new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.rename(folder / "new", folder / _LOCK)
    return lock


def _reap(parent: Path) -> None:
    """Remove the folders of killed processes; their supervisors have ended with them."""
    for path in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a living process holds it
                subprocess.run(["rm", "-rf", "--", path.parent], check=False)
            finally:
                os.close(lock)
