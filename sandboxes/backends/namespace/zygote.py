"""Zygote: a small warm process that forks the fork servers, which fork the sandboxes.

It has imported the modules that programs need, frozen them, and moved into the sandboxes' root. It
is single-threaded and holds no data of the host: it was executed with an empty environment and one
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

from envgym.sandboxes.backends.namespace.fork_server import MESSAGE, ForkServer
from envgym.sandboxes.backends.namespace.kernel import mounts, seccomp, syscalls
from envgym.sandboxes.backends.namespace.kernel.fork_server_cgroup import (
    ForkServerCgroup,
    remove_group,
)
from envgym.sandboxes.backends.namespace.kernel.identity import hide_envgym_modules
from envgym.sandboxes.backends.namespace.kernel.namespaces import FORK_SERVERS, base_id
from envgym.sandboxes.backends.namespace.landlock_box import remove_folder
from envgym.sandboxes.backends.namespace.messages import tell
from envgym.sandboxes.backends.namespace.settings import Settings
from envgym.sandboxes.supervisor.child.run_source import set_environment
from envgym.sandboxes.supervisor.child.std_streams import make_streams
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.processes import children

PATIENCE_MS = 5000  # for fork servers that the host has hung up on as well


class Zygote:
    """Zygote loop: fork and reap fork servers until the host hangs up.

    Args:
        control: Socket to the host; each message carries a fork server's end of another socket.
        settings: Settings of all sandboxes.
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
        self._fork_servers: dict[int, tuple[int, int]] = {}  # descriptor: process, number
        self._free = [*range(FORK_SERVERS - 1, -1, -1)]
        self._killed: list[int] = []  # or failed: groups are there still, the host reads why
        self._poll = select.epoll()
        self._poll.register(control, select.EPOLLIN)

    def serve(self) -> None:
        """Fork fork servers and reap them until the host hangs up; then wait for their ends."""
        while self._turn():
            continue
        self._poll.unregister(self.control)
        while self._fork_servers:
            ended = self._poll.poll(PATIENCE_MS / 1000)
            for file, _ in ended:
                self._reap(file)
            if not ended:
                for file in self._fork_servers:
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
        """Fork a fork server, which reports its own failure to start."""
        self._forget_killed()
        if not self._free:
            return  # the host reads the end of its socket
        number = self._free.pop()
        base = base_id(number, self._family) if self.settings.own_ids else None
        pid = os.fork()
        if pid == 0:
            self._be_fork_server(socket.socket(fileno=os.dup(control)), number, base)
        file = os.pidfd_open(pid)
        self._fork_servers[file] = (pid, number)
        self._poll.register(file, select.EPOLLIN)

    def _be_fork_server(self, control: socket.socket, number: int, base: int | None) -> None:
        status = 0
        try:
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            self.control.close()
            self._poll.close()
            for file in self._fork_servers:  # its neighbours are none of its business
                os.close(file)
            try:
                server = ForkServer(control, self.settings, self._group(number), base)
            except OSError as error:
                tell(control, {"error": str(error)})
                return
            server.serve()
        except ConnectionError:
            return  # the host is gone
        except BaseException:
            status = 1
        finally:
            os._exit(status)

    def _end_orphans(self) -> None:
        """Kill what a killed fork server leaves: a sandbox's first process and its program."""
        left = {*children(os.getpid())} - {pid for pid, _ in self._fork_servers.values()}
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        while left:  # the first ends when the other is reaped
            left = {pid for pid in left if os.waitpid(pid, os.WNOHANG)[0] == 0}
            time.sleep(0.001)

    def _group(self, number: int) -> ForkServerCgroup | None:
        if not self._parents:
            return None
        return ForkServerCgroup(self._name(number), self._parents, self.settings.group_version)

    def _name(self, number: int) -> str:
        return f"{self._family}-{number}"

    def _reap(self, file: int) -> None:
        pid, number = self._fork_servers.pop(file)
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
    """Read the settings, move into the sandboxes' root, import, freeze, serve."""
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
        tell(control, {"error": _why(error)})
        return
    parents = dict(zip(message["parents"], files, strict=True))
    with contextlib.suppress(ConnectionError):
        tell(control, {"ready": True})
        Zygote(control, settings, parents, family).serve()


def _why(error: Exception) -> str:
    """The error as text, with the fix where it is known."""
    fix = ""
    if isinstance(error, PermissionError) and error.filename == mounts.NEW_PROC:
        fix = ": this container hides parts of /proc: start it with systempaths=unconfined"
    elif isinstance(error, PermissionError):
        fix = (
            ": namespaces are forbidden here, by a container's seccomp profile or a switch of the "
            "kernel: allow unshare and mount, or take mode 'landlock', which is weaker"
        )
    return f"{error}{fix}"


def _become_first(mode: str) -> None:
    """Become the first process of new namespaces, so that its end is the end of all sandboxes.

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
    """Import modules and make forks of this process cheap."""
    site.setquit()
    site.setcopyright()
    site.sethelper()
    for name in imports:
        importlib.import_module(name)
    if "numpy.random" in sys.modules:  # the standard library sees to its own generator
        os.register_at_fork(after_in_child=sys.modules["numpy.random"].seed)
    seccomp.prepared(seccomp.program(memory_cgroup=grouped))
    set_environment(BoxConfig(env=env).environment())
    make_streams()
    hide_envgym_modules()
    gc.collect()
    gc.freeze()
