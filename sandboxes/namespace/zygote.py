"""The zygote: one small warm process, from which every box is forked.

It has imported what programs import, frozen it, and moved into the boxes' root. It is single
threaded, holds nothing of the host's (it was executed with an empty environment and one
descriptor), and only ever does two things: fork a box, and clear one away.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

from envgym.sandboxes.box.meters import Meters
from envgym.sandboxes.namespace import mounts, seccomp, syscalls
from envgym.sandboxes.namespace.birth import be_box
from envgym.sandboxes.namespace.group import Group, make_group
from envgym.sandboxes.namespace.settings import BoxSettings, Settings
from envgym.sandboxes.namespace.slots import MOST, Slot, base_id, make_slot

MESSAGE = 1 << 16


@dataclass
class _Box:
    id: int
    pid: int
    slot: Slot
    group: Group | None


class Zygote:
    """Serves the host until it hangs up.

    Args:
        control: Socket to the host; each message is one JSON object.
        settings: Of all boxes.
        parents: Descriptors of the folders for control groups, by controller.
    """

    def __init__(
        self, control: socket.socket, settings: Settings, parents: dict[str, int]
    ) -> None:
        self.control = control
        self.settings = settings
        self._parents = parents
        self._boxes: dict[int, _Box] = {}  # by the descriptor that tells of its end
        self._idle: list[Slot] = []
        self._slots = 0
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self._poll = select.epoll()
        self._poll.register(control, select.EPOLLIN)

    def serve(self) -> None:
        """Fork and clear away, until the host hangs up; then end all boxes."""
        try:
            while self._turn():
                continue
        finally:
            for file in self._boxes:
                signal.pidfd_send_signal(file, signal.SIGKILL)
            for file in list(self._boxes):
                self._clear(file)

    def _turn(self) -> bool:
        for file, _ in self._poll.poll():
            if file != self.control.fileno():
                self._say(self._clear(file))
                continue
            data, files, _, _ = socket.recv_fds(self.control, MESSAGE, 1)
            if not data:
                return False
            self._handle(json.loads(data), files)
        return True

    def _handle(self, message: dict[str, Any], files: list[int]) -> None:
        if message["op"] == "kill":
            for file, box in self._boxes.items():
                if box.id == message["id"]:
                    signal.pidfd_send_signal(file, signal.SIGKILL)
            return
        box = BoxSettings(**message["box"])
        try:
            self._fork(box, files[0])
        except OSError as error:
            self._say({"id": box.id, "error": str(error)})
        finally:
            os.close(files[0])

    def _fork(self, box: BoxSettings, link: int) -> None:
        slot = self._idle.pop() if self._idle else self._new_slot()
        group = None
        try:
            if self._parents:
                group = make_group(
                    f"box-{box.id}",
                    self._parents,
                    self.settings.group_version,
                    box.memory_bytes,
                    box.processes,
                )
            # The next child is PID 1 of a new namespace; this process's own place is unchanged.
            syscalls.unshare(syscalls.NEWPID)
            try:
                pid = os.fork()
                if pid == 0:
                    be_box(self.control, link, slot, group, box, self.settings)
            finally:
                syscalls.setns(self._own_pids, syscalls.NEWPID)
        except OSError:
            self._idle.append(slot)
            if group is not None:
                group.close()
            raise
        file = os.pidfd_open(pid)
        self._boxes[file] = _Box(box.id, pid, slot, group)
        self._poll.register(file, select.EPOLLIN)

    def _clear(self, file: int) -> dict[str, Any]:
        """Reap a box that has ended. The kernel has reaped all its processes before."""
        box = self._boxes.pop(file)
        self._poll.unregister(file)
        os.close(file)
        os.waitpid(box.pid, 0)
        ooms = 0
        if box.group is not None:
            ooms = Meters(memory=box.group.memory).ooms()
            box.group.close()
        self._idle.append(box.slot)
        return {"id": box.id, "ended": True, "ooms": ooms}

    def _new_slot(self) -> Slot:
        if self._slots >= MOST:
            raise OSError(f"{MOST} boxes are open: close some")
        base = base_id(self._slots) if self.settings.mode == "root" else None
        slot = make_slot(base)
        self._slots += 1
        return slot

    def _say(self, message: dict[str, Any]) -> None:
        self.control.send(json.dumps(message).encode())


def main(file: int) -> None:
    """Start: read the settings, move into the boxes' root, import, freeze, serve."""
    control = socket.socket(fileno=file)
    data, files, _, _ = socket.recv_fds(control, MESSAGE, 2)
    message = json.loads(data)
    settings = Settings(**message["settings"])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.path[:] = [*(p for p in sys.path if p), *settings.import_paths]
    try:
        _enter_root(settings)
        _warm_up(settings.imports)
    except (OSError, ImportError) as error:
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    control.send(json.dumps({"ready": True}).encode())
    try:
        Zygote(control, settings, dict(zip(message["parents"], files, strict=True))).serve()
    except (ConnectionError, BrokenPipeError):
        return


def _enter_root(settings: Settings) -> None:
    if settings.mode == "user":
        uid, gid = os.getuid(), os.getgid()
        syscalls.unshare(syscalls.NEWUSER)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"0 {uid} 1"),
            ("gid_map", f"0 {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as out:
                out.write(text)
    syscalls.unshare(syscalls.NEWNS)
    mounts.build_root(settings.readable)


def _warm_up(imports: list[str]) -> None:
    """Import, and make every program's copy of what is here cheap."""
    import site

    site.setquit()
    site.setcopyright()
    site.sethelper()
    for name in imports:
        importlib.import_module(name)
    mounts.seal_root()
    seccomp.program()
    gc.collect()
    gc.freeze()
