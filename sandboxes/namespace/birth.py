"""A box's first process, from the fork in the zygote to the supervisor's loop."""

from __future__ import annotations

import json
import os
import socket
from functools import partial

from envgym.sandboxes.box.channel import Channel
from envgym.sandboxes.box.config import BoxConfig
from envgym.sandboxes.box.meters import Meters
from envgym.sandboxes.box.supervisor import Supervisor
from envgym.sandboxes.namespace import mounts, seccomp, syscalls
from envgym.sandboxes.namespace.group import Group
from envgym.sandboxes.namespace.identity import become_supervisor, confine, program_owner
from envgym.sandboxes.namespace.settings import BoxSettings, Settings
from envgym.sandboxes.namespace.slots import Slot

_OWN = syscalls.NEWNS | syscalls.NEWIPC | syscalls.NEWUTS | syscalls.NEWCGROUP


def be_box(
    control: socket.socket, link: int, slot: Slot, group: Group | None, box: BoxSettings,
    settings: Settings,
) -> None:  # fmt: skip
    """Become PID 1 of a box and serve it until its link closes; never returns.

    Says on `control` that the box is ready, or why there is none.
    """
    try:
        try:
            if group is not None:
                group.enter()
            syscalls.setns(slot.net, syscalls.NEWNET)
            syscalls.unshare(_OWN)
            mounts.mount_own(box.disk_bytes, slot.owner)
            syscalls.sethostname(mounts.NAME)
            become_supervisor(slot)
        except OSError as error:
            control.send(json.dumps({"id": box.id, "error": str(error)}).encode())
            return
        control.send(json.dumps({"id": box.id, "ready": True}).encode())
        link, meters = _keep_only(link, group)
        config = BoxConfig(
            owner=program_owner(slot),
            env=settings.env,
            held_outside=group is not None,
            count_processes=True,
            meters=meters,
            confine=partial(confine, seccomp.program()),
        )
        Supervisor(Channel(link, link), config).serve()
    finally:
        os._exit(0)


def _keep_only(link: int, group: Group | None) -> tuple[int, Meters]:
    """Close every descriptor but the link and the counters; the standard ones lead nowhere."""
    kept = [link] if group is None else [link, group.memory, group.processes]
    nothing = os.open(os.devnull, os.O_RDWR)
    high = [os.dup2(file, 200 + i, inheritable=False) for i, file in enumerate(kept)]
    for number in range(3):
        os.dup2(nothing, number)
    low = [os.dup2(file, 3 + i, inheritable=False) for i, file in enumerate(high)]
    os.closerange(3 + len(low), 1 << 20)
    return low[0], Meters(*low[1:])
