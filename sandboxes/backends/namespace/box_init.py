"""A box's processes, from the fork in the keeper to the supervisor's loop or a program's own."""

from __future__ import annotations

import json
import os
import resource
from dataclasses import replace
from functools import partial
from typing import Any

from envgym.sandboxes.backends.namespace.box_parent import BoxParent
from envgym.sandboxes.backends.namespace.fork_server_cgroup import Group
from envgym.sandboxes.backends.namespace.kernel import mounts, seccomp, syscalls
from envgym.sandboxes.backends.namespace.kernel.identity import (
    become_first_victim,
    become_supervisor,
    confine,
    enter_user_namespace,
    keep_only,
)
from envgym.sandboxes.backends.namespace.preloaded_harnesses import READY
from envgym.sandboxes.backends.namespace.settings import BoxSettings, Settings
from envgym.sandboxes.supervisor.cgroup_counters import Meters
from envgym.sandboxes.supervisor.child.launch import become
from envgym.sandboxes.supervisor.child.repl import serve_repl
from envgym.sandboxes.supervisor.child.run_source import run_input
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.streams.channel import Channel
from envgym.sandboxes.supervisor.supervisor import Supervisor


def be_box(keeper: BoxParent, box: BoxSettings, link: int) -> None:
    """Become PID 1 of a box and serve it until its link closes; never returns.

    Tells the host that the box is ready, or why there is none.
    """
    try:
        if not _move_in(keeper, box, is_program=False):
            return
        keeper.control.send(json.dumps({"opened": box.id}).encode())
        config = replace(keeper.config, beside=0 if keeper.settings.own_ids else 1)
        link, config.meters = keep_only(link, keeper.group.meters if keeper.group else Meters())
        Supervisor(Channel(link, link), config).serve()
    finally:
        os._exit(0)


def be_program(
    keeper: BoxParent,
    box: BoxSettings,
    limits: dict[str, Any],
    source_bytes: int | None,
    files: list[int],
) -> None:
    """Become the one program of a box, its source the first bytes of its input; never returns.

    Without a source it is a REPL.

    That there is no box the host is told as by `be_box`.
    """
    try:
        if _move_in(keeper, box, is_program=True):
            env, workdir = keeper.environment, keeper.config.workdir
            if source_bytes is None:
                repl = partial(serve_repl, env, workdir, greet=True, begin=READY)
                become(keeper.config, limits, files, repl, whole_life=False)
            become(keeper.config, limits, files, partial(run_input, source_bytes, env, workdir))
    finally:
        os._exit(126)


def box_config(settings: Settings, group: Group | None) -> BoxConfig:
    """What holds for the programs of a keeper's boxes."""
    return BoxConfig(
        owner=(mounts.USER, mounts.USER) if settings.own_ids else None,
        env=settings.env,
        count_processes=True,
        filtered=True,
        meters=group.meters if group is not None else Meters(),
        confine=partial(confine, seccomp.program(held=group is not None)),
    )


def _move_in(keeper: BoxParent, box: BoxSettings, is_program: bool) -> bool:
    """Leave the machine for the box; whether there is one."""
    try:
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # its own /proc is open to it, for now
        become_first_victim()
        syscalls.unshare(syscalls.NEWNS | syscalls.NEWIPC)
        owner = None if keeper.base is None else (keeper.base + 1,) * 2
        mounts.mount_own(box.disk_bytes, owner, keeper.below_tmp)
        enter_user_namespace(keeper.user_namespace)
        if is_program:
            return True
        become_supervisor(keeper.base is not None)
        if keeper.group is None:  # with the programs, where it has their user
            resource.setrlimit(resource.RLIMIT_NPROC, (box.processes + 1,) * 2)
    except Exception as error:
        keeper.control.send(json.dumps({"error": str(error)}).encode())
        return False
    return True
