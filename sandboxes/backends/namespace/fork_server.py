"""Fork server: a child of the zygote that prepares what sandboxes share and forks one at a time.

It has the control group, the network and the user ids of its sandboxes, all of which are slow to
make; a new sandbox is then one fork. The host hears that the sandbox is ready and, later, that its
last process has ended. The fork server enforces the limits of sandboxes for a single program.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import select
import socket
from pathlib import Path

from envgym.sandboxes.backends.namespace.box_init import box_config
from envgym.sandboxes.backends.namespace.boxes import BareBox, ProgramBox, SupervisedBox
from envgym.sandboxes.backends.namespace.kernel import syscalls
from envgym.sandboxes.backends.namespace.kernel.fork_server_cgroup import ForkServerCgroup
from envgym.sandboxes.backends.namespace.kernel.identity import avoid_oom_kill
from envgym.sandboxes.backends.namespace.kernel.mounts import outermost
from envgym.sandboxes.backends.namespace.kernel.namespaces import enter_common, make_user_namespace
from envgym.sandboxes.backends.namespace.landlock_box import (
    check_landlock,
    kill_box_processes,
    remove_folder,
)
from envgym.sandboxes.backends.namespace.messages import BoxEnd, BoxRequest, Kill, tell
from envgym.sandboxes.backends.namespace.settings import BoxSettings, Settings

MESSAGE = 1 << 16


class ForkServer:
    """Fork server loop; when the host hangs up, its sandbox ends too.

    Args:
        control: Socket to the host; each message is one JSON object.
        settings: Settings shared by all sandboxes of the zygote.
        group: Control group of its sandboxes, if the machine has any.
        base: First user id of its sandboxes; None if they have the caller's.
    """

    def __init__(
        self,
        control: socket.socket,
        settings: Settings,
        group: ForkServerCgroup | None,
        base: int | None,
    ) -> None:
        self.control = control
        self.settings = settings
        self.group = group
        self.base = base
        if group is not None:
            group.enter()
        self.config = box_config(settings, group)
        self.environment = self.config.environment()
        if settings.mode == "landlock":
            check_landlock(base)
        else:
            enter_common()
            shown = outermost(settings.readable)
            self.below_tmp = [path for path in shown if path.startswith("/tmp/")]
            self.user_namespace = make_user_namespace(base)
            self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
            avoid_oom_kill()
            # The first process of a program's sandbox has this one's memory.
            syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
        self._box: SupervisedBox | None = None

    def serve(self) -> None:
        """Fork sandboxes and reap them until the host hangs up."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        try:
            counters = self.config.counters
            files = [f for f in (counters.memory, counters.processes) if f is not None]
            files += [self.group.used] if self.group is not None else []
            socket.send_fds(self.control, [b'{"ready": true}'], files)
            gc.freeze()  # no program's collector looks at what is here
            while self._turn(poll):
                continue
        finally:
            if self._box is not None:
                self._box.kill()
                self._reaped()

    def _turn(self, poll: select.poll) -> bool:
        current = self._box
        patience = math.inf if current is None else current.patience()
        for file, _ in poll.poll(None if patience == math.inf else 1000 * patience):
            if current is not None and file == current.file:
                poll.unregister(file)
                tell(self.control, self._reaped().answer(current.id))
                return True
            data, files, _, _ = socket.recv_fds(self.control, MESSAGE, 4)
            if not data:
                return False
            self._handle(json.loads(data), files)
            if current is None and self._box is not None:
                poll.register(self._box.file, select.POLLIN)
        if current is not None:
            # Where a sandbox has filled its memory there is none for us either, until it is dead.
            with contextlib.suppress(MemoryError, OSError):
                current.hold()
        return True

    def _handle(self, message: BoxRequest | Kill, files: list[int]) -> None:
        if message["op"] == "kill":
            if self._box is not None and message["id"] == self._box.id:
                self._box.kill()
            return
        box = BoxSettings(**message["box"])
        try:
            if self.group is not None:
                self.group.limit(box.memory_bytes, box.processes)
                self.config.held_memory = box.memory_bytes
                self.config.held_processes = box.processes
            if message["op"] == "run":
                self._box = ProgramBox(self, box, files, message["limits"], message["source_bytes"])
            elif message["op"] == "repl":
                self._box = BareBox(self, box, files, message["limits"])
            else:
                self._box = SupervisedBox(self, box, files)
        except OSError as error:
            tell(self.control, {"error": str(error)})
            tell(self.control, BoxEnd(ooms=0).answer(box.id))
        finally:
            for file in files:
                os.close(file)

    def own_pids(self) -> None:
        """Fork later children into this process's own PID namespace, after ``unshare(NEWPID)``."""
        syscalls.setns(self._own_pids, syscalls.NEWPID)

    def landlock_folder(self, id: int) -> Path:
        """Folder of a sandbox that has no root file system of its own."""
        return Path(self.settings.folder, f"{id}")

    def _reaped(self) -> BoxEnd:
        assert self._box is not None
        current, self._box = self._box, None
        end = current.reaped()
        if self.settings.mode == "landlock":
            kill_box_processes(self.base)
            remove_folder(self.landlock_folder(current.id))
        return end
