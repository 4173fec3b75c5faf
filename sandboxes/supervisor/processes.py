"""Process trees: descendants, resource use, and how to kill them all."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")
_PROCESS_CLOCK = 2  # of clock_getcpuclockid(3), for all threads together
_ROUNDS = 200  # of killing, before what forks faster than that is left to the sandbox's own end


def children(pid: int) -> list[int]:
    """Children of a process, those of its threads included."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    except (OSError, ValueError):
        return found
    return found


def tree(pid: int) -> Iterator[int]:
    """Iterate over a process and all its descendants."""
    waiting = [pid]
    seen: set[int] = set()
    while waiting:
        pid = waiting.pop()
        if pid not in seen:
            seen.add(pid)
            yield pid
            waiting += children(pid)


def seconds(pid: int) -> float:
    """CPU seconds of one process, by its own clock: far cheaper than `usage`."""
    try:
        return time.clock_gettime(~pid << 3 | _PROCESS_CLOCK)
    except OSError:
        return 0.0


def usage(pid: int) -> tuple[float, int, int]:
    """Current CPU seconds, resident bytes and number of tasks of a process tree."""
    seconds, resident, tasks = 0.0, 0, 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        # Of the fields after the name: user and system time, its own and that of the children it
        # waited for (they are in the tree no more), threads, resident pages.
        seconds += sum(map(int, fields[11:15])) / _TICK
        tasks += int(fields[17])
        resident += int(fields[21]) * _PAGE
    return seconds, resident, tasks


def high_water(pid: int) -> int:
    """Peak resident bytes of a process."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            return int(file.read().partition(b"VmHWM:")[2].split(None, 1)[0]) << 10
    except (OSError, IndexError):  # it is gone
        return 0


def left(mains: set[int]) -> int:
    """Number of tasks below this process that belong to none of the `mains`."""
    return sum(usage(pid)[2] for pid in children(os.getpid()) if pid not in mains)


def proportional(pid: int) -> int:
    """Resident bytes of a process tree; a shared page counts once."""
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup", "rb") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith(b"Pss:"))
        except OSError:
            continue
    return total << 10


def kill_tree(pid: int, keep: Iterable[int] = ()) -> None:
    """Kill a process and its descendants, except for the trees of the processes to `keep`."""
    seen = {0, 1, *keep}
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        kill(one, signal.SIGSTOP)  # so that it makes no more children while these are listed
        waiting += children(one)
        kill(one, signal.SIGKILL)


def kill(pid: int, number: int) -> None:
    """Send a signal; ignore processes that are gone."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def sweep(mains: set[int]) -> None:
    """Kill every process below this one that belongs to none of the `mains`.

    An unknown direct child has lost its parent: an ended program left it behind, or it is a daemon
    of a REPL. A shell adopts its daemons and keeps them.
    """
    own = os.getpid()
    if own == 1 and not mains:
        try:
            os.kill(-1, signal.SIGKILL)  # all of the sandbox but this process, at once
        except ProcessLookupError:
            return
        return
    for _ in range(_ROUNDS):
        left = [pid for pid in children(own) if pid not in mains and not _dead(pid)]
        if not left:
            return
        for pid in left:
            kill_tree(pid, keep=mains)


def _dead(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True
