"""First steps of a sandbox's process: from the fork to the supervisor, a program or a REPL."""

from __future__ import annotations

import os
import resource
from dataclasses import replace
from functools import partial

from envgym.sandboxes.backends.namespace.box_parent import BoxParent
from envgym.sandboxes.backends.namespace.kernel import mounts, seccomp, syscalls
from envgym.sandboxes.backends.namespace.kernel.fork_server_cgroup import ForkServerCgroup
from envgym.sandboxes.backends.namespace.kernel.identity import (
    become_supervisor,
    confine,
    enter_user_namespace,
    keep_only,
    prefer_for_oom_kill,
)
from envgym.sandboxes.backends.namespace.messages import tell
from envgym.sandboxes.backends.namespace.preloaded_harnesses import READY
from envgym.sandboxes.backends.namespace.settings import BoxSettings, Settings
from envgym.sandboxes.supervisor.cgroup_counters import CgroupCounters
from envgym.sandboxes.supervisor.child.launch import become
from envgym.sandboxes.supervisor.child.repl import serve_repl
from envgym.sandboxes.supervisor.child.run_source import run_input
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.messages import ProgramLimits
from envgym.sandboxes.supervisor.streams.channel import Channel
from envgym.sandboxes.supervisor.supervisor import Supervisor


def be_box(server: BoxParent, box: BoxSettings, link: int) -> None:
    """Become PID 1 of a sandbox and serve its supervisor until the connection closes; never return.

    Reports to the host that the sandbox is ready, or the error that prevents it.
    """
    try:
        if not _move_in(server, box, is_program=False):
            return
        tell(server.control, {"opened": box.id})
        config = replace(server.config, beside=0 if server.settings.own_ids else 1)
        link, config.counters = keep_only(
            link, server.group.counters if server.group else CgroupCounters()
        )
        Supervisor(Channel(link, link), config).serve()
    finally:
        os._exit(0)


def be_program(
    server: BoxParent,
    box: BoxSettings,
    limits: ProgramLimits,
    source_bytes: int | None,
    files: list[int],
) -> None:
    """Become the one program of a sandbox; never return.

    The first `source_bytes` bytes of standard input are its source; without `source_bytes` it is a
    REPL. Reports an error to the host as `be_box` does.
    """
    try:
        if _move_in(server, box, is_program=True):
            env, workdir = server.environment, server.config.workdir
            if source_bytes is None:
                repl = partial(serve_repl, env, workdir, greet=True, begin=READY)
                become(server.config, limits, files, repl, whole_life=False)
            become(server.config, limits, files, partial(run_input, source_bytes, env, workdir))
    finally:
        os._exit(126)


def box_config(settings: Settings, group: ForkServerCgroup | None) -> BoxConfig:
    """Supervisor settings shared by all sandboxes of a fork server."""
    return BoxConfig(
        owner=(mounts.USER, mounts.USER) if settings.own_ids else None,
        env=settings.env,
        count_processes=True,
        filtered=True,
        counters=group.counters if group is not None else CgroupCounters(),
        confine=partial(confine, seccomp.program(memory_cgroup=group is not None)),
    )


def _move_in(server: BoxParent, box: BoxSettings, is_program: bool) -> bool:
    """Enter the sandbox's namespaces and mounts; return whether that succeeded."""
    try:
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # its own /proc is open to it, for now
        prefer_for_oom_kill()
        syscalls.unshare(syscalls.NEWNS | syscalls.NEWIPC)
        owner = None if server.base is None else (server.base + 1,) * 2
        mounts.mount_own(box.disk_bytes, owner, server.below_tmp)
        enter_user_namespace(server.user_namespace)
        if is_program:
            return True
        become_supervisor(server.base is not None)
        if server.group is None:  # with the programs, where it has their user
            resource.setrlimit(resource.RLIMIT_NPROC, (box.processes + 1,) * 2)
    except Exception as error:
        tell(server.control, {"error": str(error)})
        return False
    return True
