"""Start a supervisor as the first process of a container, as the user its programs are too.

The engine's own filter is for whole services and lets much through; programs get the one that they
have in boxes of namespaces too. It also keeps them from setting their supervisor's limits, which
one user may for another process of its own.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import signal
import struct

from envgym.sandboxes.supervisor.cgroup_counters import Meters
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.streams.channel import Channel
from envgym.sandboxes.supervisor.supervisor import Supervisor

_LIBC = ctypes.CDLL(None, use_errno=True)
_DUMPABLE, _SECCOMP, _BY_FILTER = 4, 22, 2
# Control groups of version 2, or of version 1.
_MEMORY = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
_PROCESSES = ("/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events")


def main(config: str) -> None:
    """Serve standard input and output.

    Args:
        config: The box's config, JSON, with the programs' filter under ``filter``, in base64.
    """
    settings = json.loads(config)
    code = base64.b64decode(settings.pop("filter"))
    _LIBC.prctl(_DUMPABLE, 0, 0, 0, 0)  # /proc/1 is closed to programs, though they are this user
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one signal that Python has a handler for
    meters = Meters(_opened(*_MEMORY), _opened(*_PROCESSES))
    box = BoxConfig(**settings, meters=meters, confine=lambda: _become_program(code))
    if meters.processes is None:  # the engine shows no counters: ours are by sampling
        box.held_processes = 0
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


def _become_program(code: bytes) -> None:
    """A program may look at itself, and is the one to go where the box's memory ends."""
    _LIBC.prctl(_DUMPABLE, 1, 0, 0, 0)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    if _LIBC.prctl(_SECCOMP, _BY_FILTER, ctypes.create_string_buffer(header, len(header)), 0, 0):
        raise OSError(ctypes.get_errno(), "no filter can be had")
