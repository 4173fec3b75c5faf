"""A keeper: a child of the zygote that has what boxes share, and forks one box at a time.

It sits in the control group, the network and the user ids of its boxes, all of which are slow to
make. A new box is then one fork; the host that asked for it hears that it is ready, and later that
its last process is gone. It holds a box for a single program to its limits itself.
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
from typing import Any

from envgym.sandboxes.backends.namespace.box_init import box_config
from envgym.sandboxes.backends.namespace.boxes import Alone, Single, Tenant
from envgym.sandboxes.backends.namespace.fork_server_cgroup import Group
from envgym.sandboxes.backends.namespace.kernel import syscalls
from envgym.sandboxes.backends.namespace.kernel.identity import become_no_victim
from envgym.sandboxes.backends.namespace.kernel.mounts import outermost
from envgym.sandboxes.backends.namespace.kernel.namespaces import enter_common, make_user_namespace
from envgym.sandboxes.backends.namespace.landlock_box import check_guests, end_guests, remove_folder
from envgym.sandboxes.backends.namespace.settings import BoxSettings, Settings

MESSAGE = 1 << 16


class Keeper:
    """Serves the host until it hangs up; then its box ends too.

    Args:
        control: Socket to the host; each message is one JSON object.
        settings: Of all boxes of the zygote.
        group: Its control group, if there are any.
        base: First user id of its boxes; None where they have the caller's.
    """

    def __init__(
        self, control: socket.socket, settings: Settings, group: Group | None, base: int | None
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
            check_guests(base)
        else:
            enter_common()
            shown = outermost(settings.readable)
            self.below_tmp = [path for path in shown if path.startswith("/tmp/")]
            self.user_namespace = make_user_namespace(base)
            self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
            become_no_victim()
            # The first process of a program's box has this one's memory.
            syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
        self._tenant: Tenant | None = None

    def serve(self) -> None:
        """Fork boxes and reap them until the host hangs up."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        try:
            counters = self.config.meters
            files = [f for f in (counters.memory, counters.processes) if f is not None]
            files += [self.group.used] if self.group is not None else []
            socket.send_fds(self.control, [b'{"ready": true}'], files)
            gc.freeze()  # no program's collector looks at what is here
            while self._turn(poll):
                continue
        finally:
            if self._tenant is not None:
                self._tenant.kill()
                self._reaped()

    def _turn(self, poll: select.poll) -> bool:
        tenant = self._tenant
        patience = math.inf if tenant is None else tenant.patience()
        for file, _ in poll.poll(None if patience == math.inf else 1000 * patience):
            if tenant is not None and file == tenant.file:
                poll.unregister(file)
                self._say(self._reaped())
                return True
            data, files, _, _ = socket.recv_fds(self.control, MESSAGE, 4)
            if not data:
                return False
            self._handle(json.loads(data), files)
            if tenant is None and self._tenant is not None:
                poll.register(self._tenant.file, select.POLLIN)
        if tenant is not None:
            # Where a box has filled its memory there is none for us either, until it is dead.
            with contextlib.suppress(MemoryError, OSError):
                tenant.hold()
        return True

    def _handle(self, message: dict[str, Any], files: list[int]) -> None:
        if message["op"] == "kill":
            if self._tenant is not None and message["id"] == self._tenant.id:
                self._tenant.kill()
            return
        box = BoxSettings(**message["box"])
        try:
            if self.group is not None:
                self.group.limit(box.memory_bytes, box.processes)
                self.config.held_memory = box.memory_bytes
                self.config.held_processes = box.processes
            if message["op"] == "run":
                self._tenant = Single(self, box, files, message["limits"], message["source_bytes"])
            elif message["op"] == "repl":
                self._tenant = Alone(self, box, files, message["limits"])
            else:
                self._tenant = Tenant(self, box, files)
        except OSError as error:
            self._say({"error": str(error)})
            self._say({"ended": box.id, "ooms": 0})
        finally:
            for file in files:
                os.close(file)

    def own_pids(self) -> None:
        """Fork children into this process's own namespace again, after an ``unshare(NEWPID)``."""
        syscalls.setns(self._own_pids, syscalls.NEWPID)

    def guest_folder(self, id: int) -> Path:
        """Of a box without a root of its own."""
        return Path(self.settings.folder, f"{id}")

    def _reaped(self) -> dict[str, Any]:
        assert self._tenant is not None
        tenant, self._tenant = self._tenant, None
        message = tenant.reaped()
        if self.settings.mode == "landlock":
            end_guests(self.base)
            remove_folder(self.guest_folder(tenant.id))
        return message

    def _say(self, message: dict[str, Any]) -> None:
        self.control.send(json.dumps(message).encode())
