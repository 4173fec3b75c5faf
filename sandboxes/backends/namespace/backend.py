"""Namespace backend: one zygote, and as many sandboxes as callers open."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from envgym.errors import Fault, UsageError
from envgym.sandboxes.backends.namespace.kernel.cgroup import NoCgroup, Parent, make_parent
from envgym.sandboxes.backends.namespace.program_box import ProgramRun
from envgym.sandboxes.backends.namespace.repl_box import ReplBox
from envgym.sandboxes.backends.namespace.settings import STDLIB, BoxSettings, Settings
from envgym.sandboxes.backends.namespace.zygote_client import BoxHandle, ZygoteClient
from envgym.sandboxes.base import Backend, Sandbox, Session
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result
from envgym.sandboxes.supervisor_client.connection import SupervisorConnection
from envgym.sandboxes.supervisor_client.supervised_sandbox import Box, check_input

MODES = {
    "root": "user, mount, pid, net, ipc and uts namespaces, each sandbox's own user ids, seccomp",
    "user": "user, mount, pid, net, ipc and uts namespaces within one user id, seccomp",
    "landlock": "weaker, no namespaces: Landlock, no sockets, seccomp; the disk is not bounded",
}
_COVERED = ("box", "dev", "proc")  # by what each sandbox has there of its own
_LIBRARIES = ("site-packages", "dist-packages")


class NamespaceBackend(Backend):
    """Sandboxes forked from a warm interpreter into fresh namespaces.

    Args:
        mode: ``root`` or ``user``; ``auto`` is the one of these that this process can have. Where
            the kernel grants no namespaces, ``landlock`` is there for who asks for it.
        imports: Modules beside the standard library's that programs find imported; they, and what
            lies beside them, are readable in a sandbox.
        readable: Further paths that programs may read, at the same place.

    Raises:
        UsageError: An argument is wrong. A refusal of the machine is raised by the first `open`.
    """

    name = "namespace"

    def __init__(
        self, mode: str = "auto", *, imports: Sequence[str] = (), readable: Sequence[str] = ()
    ) -> None:
        root = os.geteuid() == 0
        if mode == "auto":
            mode = "root" if root else "user"
        if mode not in MODES:
            raise UsageError(f"no mode {mode!r} of namespace sandboxes: {', '.join(MODES)} or auto")
        if mode == "root" and not root:
            raise UsageError("mode 'root' needs root: run as root, or take mode 'user'")
        if mode == "user" and root:
            raise UsageError("as root, programs of mode 'user' would be root: take mode 'root'")
        for path in readable:
            _check_readable(path)
        self.mode = mode
        self.quick = mode != "landlock"
        self._imports = [*imports]
        self._readable = [*readable]
        self._ids = itertools.count(1)
        self._zygote: ZygoteClient | None = None
        self._starting = asyncio.Lock()
        self._boxes: set[Box | ReplBox | ProgramRun] = set()
        self._folder = ""
        self._parent: Parent | None = None
        self.no_group = ""
        try:
            self._parent = make_parent()
        except NoCgroup as error:
            self.no_group = str(error)
        held = "control groups" if self._parent else "resource limits (no control group)"
        self.isolation = f"{MODES[mode]}, {held}"

    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """See `Backend`."""
        bounds = limits or Limits()
        try:
            box = await self._made(bounds)
        except OSError as error:  # the host's own want: of descriptors, of processes, of memory
            raise Fault(f"sandbox: no sandbox can be made: {error}", "infra") from error
        if snapshot is not None:
            await box.restore(snapshot)
        return box

    async def run_python(
        self, code: str, *, stdin: bytes = b"", limits: Limits | None = None
    ) -> Result:
        """See `Backend`. The sandbox has no supervisor and runs this program alone."""
        if self.mode == "landlock":
            return await super().run_python(code, stdin=stdin, limits=limits)
        bounds = limits or Limits()
        check_input(stdin, bounds)
        source = code.encode("utf-8", "surrogatepass")
        zygote = await self._running()
        server = await zygote.fork_server()
        try:
            run = ProgramRun(server, self._settings_of(bounds), bounds, source + stdin, len(source))
        except OSError as error:
            zygote.give_back(server)
            raise Fault(f"sandbox: no sandbox can be made: {error}", "infra") from error
        self._boxes.add(run)
        try:
            return await run.result()
        finally:
            self._boxes.discard(run)
            zygote.give_back(server)

    async def repl(self, *, limits: Limits | None = None) -> Session:
        """See `Backend`. The REPL is the sandbox's only process and starts while its first code is
        sent.
        """
        if self.mode == "landlock":
            return await super().repl(limits=limits)
        bounds = limits or Limits()
        zygote = await self._running()
        server = await zygote.fork_server()

        def gone() -> None:
            self._boxes.discard(live)
            zygote.give_back(server)

        held = self._parent is not None
        try:
            live = ReplBox(server, self._settings_of(bounds), bounds, held, gone)
        except OSError as error:
            zygote.give_back(server)
            raise Fault(f"sandbox: no sandbox can be made: {error}", "infra") from error
        self._boxes.add(live)
        return live

    def _settings_of(self, bounds: Limits) -> BoxSettings:
        id = next(self._ids)
        return BoxSettings(id, bounds.memory_bytes, bounds.processes, bounds.disk_bytes)

    async def _made(self, bounds: Limits) -> Box:
        zygote = await self._running()
        settings = self._settings_of(bounds)
        ours, theirs = socket.socketpair()
        try:
            server = await zygote.fork_server()
        except BaseException:
            ours.close()
            theirs.close()
            raise
        try:
            with theirs:
                await server.open(settings, theirs)
            reader, writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            server.close()
            zygote.give_back(server)
            raise
        handle = BoxHandle(zygote, server)

        async def end() -> None:
            self._boxes.discard(box)
            await handle.end()

        async def cause() -> Outcome | None:
            return Outcome.MLE if await handle.end() else None

        async def reopen(files: bytes) -> Sandbox:
            return await self.open(limits=bounds, snapshot=files)

        box = Box(SupervisorConnection(reader, writer), bounds, end=end, reopen=reopen, cause=cause)
        self._boxes.add(box)
        return box

    @property
    def zygote_pid(self) -> int:
        """Process id of the zygote, the ancestor of all sandboxes; 0 before the first is opened."""
        return self._zygote.pid if self._zygote is not None else 0

    @property
    def fork_servers(self) -> int:
        """Number of fork servers, idle or with a sandbox."""
        return self._zygote.fork_servers if self._zygote is not None else 0

    async def close(self) -> None:
        """See `Backend`."""
        for box in list(self._boxes):
            await box.close()
        if self._zygote is not None:
            await self._zygote.close()
            self._zygote = None
        if self._parent is not None:
            await asyncio.to_thread(self._parent.remove)
        if self._folder:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _running(self) -> ZygoteClient:
        """Return the zygote; start a new one where there is none or it has died."""
        async with self._starting:
            if self._zygote is None or not self._zygote.alive:
                if self._zygote is not None:
                    await self._zygote.close()
                    if self._parent is not None:
                        await asyncio.to_thread(self._parent.clear)
                self._zygote = await ZygoteClient.start(self._settings(), self._parent)
            return self._zygote

    def _settings(self) -> Settings:
        if self.mode == "landlock" and not self._folder:
            self._folder = tempfile.mkdtemp(prefix="envgym-landlock-")
            os.chmod(self._folder, 0o711)
        prefix, env, folders = sys.base_prefix, {}, []
        if self._imports:
            folders = [os.path.realpath(p) for p in sys.path if Path(p).name in _LIBRARIES]
            env["PYTHONPATH"] = ":".join(folders)
        if not prefix.startswith("/usr"):
            env["PATH"] = f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin"
        readable = [prefix, *folders, *self._readable]
        for path in readable:
            _check_readable(path)
        return Settings(
            self.mode,
            readable=readable,
            import_paths=folders,
            imports=[*STDLIB, *self._imports],
            env=env,
            own_ids=os.geteuid() == 0,
            folder=self._folder,
            group_version=self._parent.version if self._parent else 0,
        )


def _check_readable(path: str) -> None:
    """Refuse a path that a sandbox cannot show at the same place.

    Raises:
        UsageError: It is relative, or covered by what a sandbox has there.
    """
    root, *parts = Path(path).parts or ("",)
    whole = parts == ["tmp"]  # a sandbox's own is there: only what lies below can be shown in it
    if root != "/" or not parts or ".." in parts or parts[0] in _COVERED or whole:
        raise UsageError(
            f"a sandbox cannot show {path!r}: readable paths (Python and its libraries too) are "
            f"absolute, not below {', '.join('/' + name for name in _COVERED)}, and not /tmp itself"
        )
