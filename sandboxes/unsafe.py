"""Programs as plain child processes: no isolation at all, for code one trusts.

Limits, outcomes, sessions and snapshots are those of every backend; what is missing is the box. Its
name says so, and nothing chooses it by itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from envgym.errors import Fault
from envgym.sandboxes.archive import box_archive
from envgym.sandboxes.base import Backend, Sandbox
from envgym.sandboxes.boxed import Box
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.link import Link
from envgym.sandboxes.outcome import Outcome


class UnsafeBackend(Backend):
    """Boxes that are folders in the temporary directory, with a supervisor each."""

    name = "unsafe"
    isolation = "none: programs run as this user, see its files and its network"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="envgym-unsafe-"))
        self._archive = self._folder / "box.zip"
        self._archive.write_bytes(box_archive())
        self._boxes: set[Box] = set()
        self._count = 0

    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """See `Backend`."""
        bounds = limits or Limits()
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
        except OSError as error:
            raise Fault(f"sandbox: cannot start a supervisor: {error}", "infra") from error
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

        link = Link(process.stdout, process.stdin)
        box = Box(link, bounds, end=end, reopen=reopen, cause=cause)
        self._boxes.add(box)
        if snapshot is not None:
            await box.restore(snapshot)
        return box

    async def close(self) -> None:
        """See `Backend`."""
        for box in list(self._boxes):
            await box.close()
        await _remove(self._folder)


async def _remove(folder: Path) -> None:
    """Remove a folder, as deep as a program may have made it: `shutil.rmtree` recurses."""
    remover = await asyncio.create_subprocess_exec("rm", "-rf", "--", folder)
    await remover.wait()
