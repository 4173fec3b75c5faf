"""A keeper: a child of the zygote that has what boxes share, and forks one box at a time.

It sits in the control group, the network and the user ids of its boxes, all of which are slow to
make. A new box is then one fork; the host that asked for it hears that it is ready, and later that
its last process is gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from pathlib import Path
from typing import Any

from envgym.sandboxes.namespace import syscalls
from envgym.sandboxes.namespace.birth import be_box
from envgym.sandboxes.namespace.group import Group
from envgym.sandboxes.namespace.guest import (
    be_guest_box,
    check_guests,
    end_guests,
    remove_folder,
)
from envgym.sandboxes.namespace.namespaces import enter_common, make_user_namespace
from envgym.sandboxes.namespace.settings import BoxSettings, Settings

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
        if settings.mode == "landlock":
            check_guests(base)
        else:
            enter_common()
            self.user_namespace = make_user_namespace(base)
            self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self._box = self._id = 0
        self._ooms = 0

    def serve(self) -> None:
        """Fork boxes and reap them until the host hangs up."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        try:
            self._say({"ready": True})
            while self._turn(poll):
                continue
        finally:
            if self._box:
                signal.pidfd_send_signal(self._box, signal.SIGKILL)
                self._reaped()

    def _turn(self, poll: select.poll) -> bool:
        for file, _ in poll.poll():
            if file == self._box:
                poll.unregister(file)
                self._say(self._reaped())
                continue
            data, files, _, _ = socket.recv_fds(self.control, MESSAGE, 1)
            if not data:
                return False
            self._handle(json.loads(data), files)
            if self._box:
                poll.register(self._box, select.POLLIN)
        return True

    def _handle(self, message: dict[str, Any], files: list[int]) -> None:
        if message["op"] == "kill":
            if message["id"] == self._id:
                signal.pidfd_send_signal(self._box, signal.SIGKILL)
            return
        box = BoxSettings(**message["box"])
        try:
            self._fork(box, files[0])
        except OSError as error:
            self._say({"error": str(error)})
        finally:
            os.close(files[0])

    def _fork(self, box: BoxSettings, link: int) -> None:
        if self.group is not None:
            self.group.limit(box.memory_bytes, box.processes)
            self._ooms = self.group.meters.ooms()
        if self.settings.mode == "landlock":
            pid = os.fork()
            if pid == 0:
                be_guest_box(self, box, link)
        else:
            pid = self._fork_first(box, link)
        self._id, self._pid = box.id, pid
        self._box = os.pidfd_open(pid)

    def _fork_first(self, box: BoxSettings, link: int) -> int:
        """The next child is PID 1 of a new namespace; this process's own place is unchanged."""
        syscalls.unshare(syscalls.NEWPID)
        try:
            pid = os.fork()
            if pid == 0:
                be_box(self, box, link)
            return pid
        finally:
            syscalls.setns(self._own_pids, syscalls.NEWPID)

    def guest_folder(self, id: int) -> Path:
        """Of a box without a root of its own."""
        return Path(self.settings.folder, f"{id}")

    def _reaped(self) -> dict[str, Any]:
        """Reap a box that has ended; as PID 1 the kernel has reaped all its others before."""
        os.waitpid(self._pid, 0)
        os.close(self._box)
        if self.settings.mode == "landlock":
            end_guests(self.base)
            remove_folder(self.guest_folder(self._id))
        ooms = self.group.meters.ooms() - self._ooms if self.group is not None else 0
        message = {"ended": self._id, "ooms": ooms}
        self._box = self._id = 0
        return message

    def _say(self, message: dict[str, Any]) -> None:
        self.control.send(json.dumps(message).encode())
