"""Entry point of a supervisor that is a container's first process, with its programs' user.

The engine's own seccomp profile is made for whole services and permits much. Programs get the
filter of namespace sandboxes as well, which also keeps them from changing their supervisor's
limits, as one user may for another process of its own.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import signal
import struct

from envgym.sandboxes.supervisor.cgroup_counters import CgroupCounters
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
        config: Configuration of the sandbox as JSON, with the programs' filter under ``filter``, in
            base64.
    """
    settings = json.loads(config)
    code = base64.b64decode(settings.pop("filter"))
    _LIBC.prctl(_DUMPABLE, 0, 0, 0, 0)  # /proc/1 is closed to programs, though they are this user
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one signal that Python has a handler for
    counters = CgroupCounters(_opened(*_MEMORY), _opened(*_PROCESSES))
    box = BoxConfig(**settings, counters=counters, confine=lambda: _become_program(code))
    if counters.processes is None:  # the engine shows no counters: ours are by sampling
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
    """Let a program inspect itself, and make it the first victim of an out-of-memory kill."""
    _LIBC.prctl(_DUMPABLE, 1, 0, 0, 0)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    if _LIBC.prctl(_SECCOMP, _BY_FILTER, ctypes.create_string_buffer(header, len(header)), 0, 0):
        raise OSError(ctypes.get_errno(), "no filter can be had")
