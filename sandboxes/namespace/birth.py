"""A box's first process, from the fork in the keeper to the supervisor's loop."""

from __future__ import annotations

import json
import os
import resource
from functools import partial
from typing import TYPE_CHECKING

from envgym.sandboxes.box.channel import Channel
from envgym.sandboxes.box.config import BoxConfig
from envgym.sandboxes.box.meters import Meters
from envgym.sandboxes.box.supervisor import Supervisor
from envgym.sandboxes.namespace import mounts, seccomp, syscalls
from envgym.sandboxes.namespace.identity import (
    become_first_victim,
    become_supervisor,
    confine,
    keep_only,
)
from envgym.sandboxes.namespace.settings import BoxSettings

if TYPE_CHECKING:
    from envgym.sandboxes.namespace.keeper import Keeper


def be_box(keeper: Keeper, box: BoxSettings, link: int) -> None:
    """Become PID 1 of a box and serve it until its link closes; never returns.

    Tells the host that the box is ready, or why there is none.
    """
    own_ids = keeper.base is not None
    try:
        try:
            become_first_victim()
            syscalls.unshare(syscalls.NEWNS | syscalls.NEWIPC)
            owner = None if keeper.base is None else (keeper.base + 1,) * 2
            mounts.mount_own(box.disk_bytes, owner)
            become_supervisor(keeper.user_namespace, own_ids)
            if keeper.group is None:  # with the programs, where it has their user
                resource.setrlimit(resource.RLIMIT_NPROC, (box.processes + 1,) * 2)
        except (OSError, ValueError) as error:
            keeper.control.send(json.dumps({"error": str(error)}).encode())
            return
        keeper.control.send(json.dumps({"opened": box.id}).encode())
        config = BoxConfig(
            owner=(mounts.USER, mounts.USER) if own_ids else None,
            env=keeper.settings.env,
            held_outside=keeper.group is not None,
            count_processes=True,
            confine=partial(confine, seccomp.program(held=keeper.group is not None)),
        )
        link, config.meters = keep_only(link, keeper.group.meters if keeper.group else Meters())
        Supervisor(Channel(link, link), config).serve()
    finally:
        os._exit(0)
