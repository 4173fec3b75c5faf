"""Start a supervisor as the first process of a container, as the user its programs are too."""

from __future__ import annotations

import ctypes
import json
import os
import signal

from envgym.sandboxes.box.channel import Channel
from envgym.sandboxes.box.config import BoxConfig
from envgym.sandboxes.box.meters import Meters
from envgym.sandboxes.box.supervisor import Supervisor

_LIBC = ctypes.CDLL(None, use_errno=True)
_DUMPABLE = 4
# Control groups of version 2, or of version 1.
_MEMORY = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
_PROCESSES = ("/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events")


def main(config: str) -> None:
    """Serve standard input and output. `config` is the box's config, JSON."""
    _LIBC.prctl(_DUMPABLE, 0, 0, 0, 0)  # /proc/1 is closed to programs, though they are this user
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one signal that Python has a handler for
    box = BoxConfig(
        **json.loads(config),
        meters=Meters(_opened(*_MEMORY), _opened(*_PROCESSES)),
        confine=_become_program,
    )
    channel = Channel(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nothing, number)
    Supervisor(channel, box).serve()


def _opened(*paths: str) -> int | None:
    for path in paths:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
    return None


def _become_program() -> None:
    """A program may look at itself, and is the one to go where the box's memory ends."""
    _LIBC.prctl(_DUMPABLE, 1, 0, 0, 0)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
