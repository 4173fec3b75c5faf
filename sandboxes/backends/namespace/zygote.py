"""The zygote: one small warm process, from which keepers, and from these all boxes, are forked.

It has imported what programs import, frozen it, and moved into the boxes' root. It is single
threaded and holds nothing of the host's: it was executed with an empty environment and one
descriptor.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import site
import socket
import sys
import time
from pathlib import Path

from envgym.sandboxes.backends.namespace.fork_server import MESSAGE, Keeper
from envgym.sandboxes.backends.namespace.fork_server_cgroup import Group, remove_group
from envgym.sandboxes.backends.namespace.kernel import mounts, seccomp, syscalls
from envgym.sandboxes.backends.namespace.kernel.identity import forget_ourselves
from envgym.sandboxes.backends.namespace.kernel.namespaces import KEEPERS, base_id
from envgym.sandboxes.backends.namespace.landlock_box import remove_folder
from envgym.sandboxes.backends.namespace.settings import Settings
from envgym.sandboxes.supervisor.child.run_source import set_environment
from envgym.sandboxes.supervisor.child.std_streams import make_streams
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.processes import children

PATIENCE_MS = 5000  # for keepers that the host has hung up on as well


class Zygote:
    """Serves the host until it hangs up.

    Args:
        control: Socket to the host; each message carries a keeper's end of a socket of its own.
        settings: Of all boxes.
        parents: Descriptors of the folders for control groups, by controller.
        family: A number that no other zygote of this machine has.
    """

    def __init__(
        self, control: socket.socket, settings: Settings, parents: dict[str, int], family: int
    ) -> None:
        self._family = family
        self.control = control
        self.settings = settings
        self._parents = parents
        self._keepers: dict[int, tuple[int, int]] = {}  # descriptor: process, number
        self._free = [*range(KEEPERS - 1, -1, -1)]
        self._killed: list[int] = []  # or failed: groups are there still, the host reads why
        self._poll = select.epoll()
        self._poll.register(control, select.EPOLLIN)

    def serve(self) -> None:
        """Fork keepers and reap them until the host hangs up; then wait for their ends."""
        while self._turn():
            continue
        self._poll.unregister(self.control)
        while self._keepers:
            ended = self._poll.poll(PATIENCE_MS / 1000)
            for file, _ in ended:
                self._reap(file)
            if not ended:
                for file in self._keepers:
                    signal.pidfd_send_signal(file, signal.SIGKILL)
        self._forget_killed()
        if self.settings.folder:
            remove_folder(Path(self.settings.folder))

    def _turn(self) -> bool:
        for file, _ in self._poll.poll():
            if file != self.control.fileno():
                self._reap(file)
                continue
            data, files, _, _ = socket.recv_fds(self.control, MESSAGE, 1)
            if not data:
                return False
            self._fork(files[0])
            os.close(files[0])
        return True

    def _fork(self, control: int) -> None:
        """Fork a keeper; that it could not become one it says itself."""
        self._forget_killed()
        if not self._free:
            return  # the host reads the end of its socket
        number = self._free.pop()
        base = base_id(number, self._family) if self.settings.own_ids else None
        pid = os.fork()
        if pid == 0:
            self._be_keeper(socket.socket(fileno=os.dup(control)), number, base)
        file = os.pidfd_open(pid)
        self._keepers[file] = (pid, number)
        self._poll.register(file, select.EPOLLIN)

    def _be_keeper(self, control: socket.socket, number: int, base: int | None) -> None:
        status = 0
        try:
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            self.control.close()
            self._poll.close()
            for file in self._keepers:  # its neighbours are none of its business
                os.close(file)
            try:
                keeper = Keeper(control, self.settings, self._group(number), base)
            except OSError as error:
                control.send(json.dumps({"error": str(error)}).encode())
                return
            keeper.serve()
        except ConnectionError:
            return  # the host is gone
        except BaseException:
            status = 1
        finally:
            os._exit(status)

    def _end_orphans(self) -> None:
        """Kill what a keeper that was killed has left: a box's first process, and its program."""
        left = {*children(os.getpid())} - {pid for pid, _ in self._keepers.values()}
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        while left:  # the first ends when the other is reaped
            left = {pid for pid in left if os.waitpid(pid, os.WNOHANG)[0] == 0}
            time.sleep(0.001)

    def _group(self, number: int) -> Group | None:
        if not self._parents:
            return None
        return Group(self._name(number), self._parents, self.settings.group_version)

    def _name(self, number: int) -> str:
        return f"{self._family}-{number}"

    def _reap(self, file: int) -> None:
        pid, number = self._keepers.pop(file)
        self._poll.unregister(file)
        os.close(file)
        _, status = os.waitpid(pid, 0)
        self._end_orphans()
        self._killed.append(number)
        if status == 0:
            self._forget_killed()

    def _forget_killed(self) -> None:
        for number in self._killed:
            remove_group(self._name(number), self._parents)
        self._free += self._killed
        self._killed.clear()


def main(file: int) -> None:
    """Start: read the settings, move into the boxes' root, import, freeze, serve."""
    control = socket.socket(fileno=file)
    data, files, _, _ = socket.recv_fds(control, MESSAGE, 2)
    message = json.loads(data)
    settings = Settings(**message["settings"])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.path[:] = [*(p for p in sys.path if p), *settings.import_paths]
    family = os.getpid()
    try:
        if settings.mode != "landlock":
            _become_first(settings.mode)
            mounts.build_root(settings.readable)
        _warm_up(settings.imports, settings.group_version > 0, settings.env)
        if settings.mode != "landlock":
            mounts.seal_root()
    except (OSError, ImportError) as error:
        control.send(json.dumps({"error": _why(error)}).encode())
        return
    parents = dict(zip(message["parents"], files, strict=True))
    with contextlib.suppress(ConnectionError):
        control.send(json.dumps({"ready": True}).encode())
        Zygote(control, settings, parents, family).serve()


def _why(error: Exception) -> str:
    """The error, and the mend where it is known."""
    mend = ""
    if isinstance(error, PermissionError) and error.filename == mounts.NEW_PROC:
        mend = ": this container hides parts of /proc: start it with systempaths=unconfined"
    elif isinstance(error, PermissionError):
        mend = (
            ": namespaces are forbidden here, by a container's seccomp profile or a switch of the "
            "kernel: allow unshare and mount, or take mode 'landlock', which is weaker"
        )
    return f"{error}{mend}"


def _become_first(mode: str) -> None:
    """Become the first process of namespaces for the whole family: its end is the end of all.

    The process that was executed stays behind, to end with this one and this one with it.
    """
    if mode == "user":
        uid, gid = os.getuid(), os.getgid()
        syscalls.unshare(syscalls.NEWUSER)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"0 {uid} 1"),
            ("gid_map", f"0 {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as out:
                out.write(text)
    syscalls.unshare(syscalls.NEWNS | syscalls.NEWPID)
    pid = os.fork()
    if pid:
        os.closerange(3, 1 << 20)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)


def _warm_up(imports: list[str], grouped: bool, env: dict[str, str]) -> None:
    """Import, and make every program's copy of what is here cheap."""
    site.setquit()
    site.setcopyright()
    site.sethelper()
    for name in imports:
        importlib.import_module(name)
    if "numpy.random" in sys.modules:  # the standard library sees to its own generator
        os.register_at_fork(after_in_child=sys.modules["numpy.random"].seed)
    seccomp.prepared(seccomp.program(held=grouped))
    set_environment(BoxConfig(env=env).environment())
    make_streams()
    forget_ourselves()
    gc.collect()
    gc.freeze()
