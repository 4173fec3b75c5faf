"""Thousands of runs, many of them bad, and what they leave behind: nothing.

``python -m benchmarks.sandbox.soak --runs 10000 --backend namespace``: a third of the programs time
out, a tenth want more memory than they may have, a tenth leave a daemon. In the middle the zygote
is killed with signal 9: runs under way are faults and are run again.

This process takes over orphans (as init would), so whoever outlives a box is found below it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from envgym.errors import Fault
from envgym.sandboxes import Backend, Limits, open_backend
from envgym.sandboxes.supervisor.child.launch import adopt_orphans
from envgym.sandboxes.supervisor.processes import tree

CALLERS = 8
GROWTH = {
    "memory_mib": 16.0,
    "memory_below_mib": 16.0,
    "descriptors": CALLERS,
    "descriptors_below": CALLERS,
}
"""Growth beyond this is a leak: idle fork servers come and go with the callers."""
KILLED = ("namespace",)
"""Backends whose boxes all end with a child of this process."""
TOKEN = f"{os.getpid()}86400"
"""Argument of the daemons' ``sleep``, by which they are recognised."""
DAEMON = f"""
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "{TOKEN}"])
    os._exit(0)
"""
_SHORT = Limits(wall_s=0.25)
_SMALL = Limits(memory_bytes=96 << 20, wall_s=30)
KINDS = {
    "fine": ("print(6 * 7)", Limits(wall_s=30), "OK"),
    "sleeps": ("import time\ntime.sleep(1000)", _SHORT, "TLE"),
    "spins": ("while True: pass", _SHORT, "TLE"),
    "hoards": ("held = []\nwhile True: held.append(b'x' * (8 << 20))", _SMALL, "MLE"),
    "daemonises": (DAEMON, Limits(wall_s=30), "OK"),
}
# Of thirty runs ten time out, three hoard, three leave a daemon.
ORDER = (
    "fine",
    "sleeps",
    "fine",
    "spins",
    "hoards",
    "fine",
    "sleeps",
    "daemonises",
    "fine",
    "fine",
)


class Soak:
    """One soak of a backend.

    Attributes:
        seen: How many runs of a kind ended how.
        faults: Runs that the sandbox broke, which were run again.
    """

    def __init__(self, backend: Backend, runs: int, progress: Progress) -> None:
        self.backend = backend
        self.runs = runs
        self.seen: Counter[tuple[str, str]] = Counter()
        self.faults = 0
        self._done = 0
        self._quarter = asyncio.Event()
        self._progress = progress
        self._bar = progress.add_task("runs", total=runs)

    async def run(self, kill: bool) -> dict[str, Any]:
        """All runs; what was used early on and at the end, while nothing ran."""
        kinds = (kind(number) for number in range(self.runs))
        await self._some(kinds, self.runs // 10)
        early = usage()
        rest = self._some(kinds, self.runs - self._done)
        await (self._struck(rest) if kill else rest)
        late = usage()
        return {"early": early, "late": late}

    async def _some(self, kinds: Iterator[str], count: int) -> None:
        ahead = [next(kinds) for _ in range(count)]

        async def caller() -> None:
            while ahead:
                await self._once(ahead.pop())

        await asyncio.gather(*(caller() for _ in range(CALLERS)))

    async def _once(self, name: str) -> None:
        code, limits, _ = KINDS[name]
        while True:
            try:
                result = await self.backend.run_python(code, limits=limits)
            except Fault:
                self.faults += 1
                continue
            self.seen[name, str(result.outcome)] += 1
            self._done += 1
            if self._done >= self.runs // 4:
                self._quarter.set()
            self._progress.advance(self._bar)
            return

    async def _struck(self, runs: Any) -> None:
        """Kill our children once, in the middle of what runs."""
        working = asyncio.ensure_future(runs)
        await self._quarter.wait()
        for pid in descendants(depth_one=True):
            os.kill(pid, signal.SIGKILL)
        await working


def kind(number: int) -> str:
    """Kind of the n-th run: `ORDER` by turns, but each thirtieth run spins."""
    if number % 30 == 29:
        return "spins"
    return ORDER[number % len(ORDER)]


def descendants(depth_one: bool = False) -> list[int]:
    """Processes below this one that are alive."""
    own = os.getpid()
    below = [pid for pid in tree(own) if pid != own]
    found = []
    for pid in below:
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] not in (b"Z", b"X") and (not depth_one or int(fields[1]) == own):
            found.append(pid)
    return found


def usage() -> dict[str, float]:
    """Memory and descriptors of this process, and of the largest and busiest below it."""
    below = descendants()
    return {
        "memory_mib": memory_mib(os.getpid()),
        "memory_below_mib": max(map(memory_mib, below), default=0.0),
        "descriptors": descriptors(os.getpid()),
        "descriptors_below": max(map(descriptors, below), default=0),
    }


def memory_mib(pid: int) -> float:
    """Resident memory of a process in MiB; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return round(pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20), 1)


def descriptors(pid: int) -> int:
    """Number of open descriptors of a process; 0 where it is gone."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def daemons() -> int:
    """Daemons of this soak that are alive, wherever they are."""
    count = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            count += path.read_bytes() == f"sleep\0{TOKEN}\0".encode()
        except OSError:
            continue
    return count


def groups() -> int:
    """Control groups of this process that are still there."""
    return len([*Path("/sys/fs/cgroup").glob(f"**/envgym-{os.getpid()}-*")])


def judge(result: dict[str, Any]) -> list[str]:
    """Faults of a result, one sentence each."""
    early, late = result["early"], result["late"]
    wrong = [
        f"{count} runs that {name!r} ended {outcome}"
        for name, ends in result["outcomes"].items()
        for outcome, count in ends.items()
        if outcome != KINDS[name][2]
    ]
    for what in ("orphans", "daemons", "groups"):
        if result[what]:
            wrong.append(f"{result[what]} {what} are left")
    if result["descriptors_left"] > 0:
        wrong.append(f"{result['descriptors_left']} descriptors are left")
    for what, more in GROWTH.items():
        if late[what] > early[what] + more:
            wrong.append(f"{what} grew from {early[what]} to {late[what]}")
    if result["killed"] and not result["faults"]:
        wrong.append("the kill was not felt: no run was a fault")
    return wrong


async def soak(name: str, runs: int, progress: Progress) -> dict[str, Any]:
    """Run it; see the keys."""
    before, began = descriptors(os.getpid()), time.perf_counter()
    async with open_backend(name) as backend:
        work = Soak(backend, runs, progress)
        used = await work.run(kill=name in KILLED)
    outcomes: dict[str, dict[str, int]] = {}
    for (program, outcome), count in sorted(work.seen.items()):
        outcomes.setdefault(program, {})[outcome] = count
    result = {
        "backend": name,
        "runs": runs,
        "seconds": round(time.perf_counter() - began, 1),
        "outcomes": outcomes,
        "killed": name in KILLED,
        "faults": work.faults,
        "orphans": len(descendants()),
        "daemons": daemons(),
        "groups": groups(),
        "descriptors_left": descriptors(os.getpid()) - before,
        **used,
    }
    return {**result, "wrong": judge(result)}


def main(
    runs: Annotated[int, typer.Option(min=30, help="Programs to run.")] = 10_000,
    backend: Annotated[str, typer.Option(help="As in open_backend.")] = "namespace",
) -> None:
    """Soak a backend; print one JSON object, and end with 1 if something was left."""
    adopt_orphans()
    with Progress(console=Console(stderr=True)) as progress:
        result = asyncio.run(soak(backend, runs, progress))
    print(json.dumps(result))
    sys.exit(bool(result["wrong"]))


if __name__ == "__main__":
    typer.run(main)
