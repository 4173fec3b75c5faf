"""Thousands of programs of which many misbehave, and what is left of them afterwards: nothing.

A third run into their time, a tenth into their memory, a tenth leave a daemon behind; each in a box
of its own. ``python -m benchmarks.sandbox.soak [--runs N] [--jobs N] [--backend NAME]`` prints one
JSON object and ends with code 1 where an outcome was not the expected one or something leaked.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import secrets
import sys
import time
from pathlib import Path

from envgym.sandboxes import Backend, Limits, Outcome
from envgym.sandboxes.backends import open_backend

LIMITS = Limits(wall_s=5, cpu_s=5, memory_bytes=64 << 20, processes=16)
SHORT = LIMITS.model_copy(update={"wall_s": 0.2})
MARK = f"{secrets.randbelow(10**8) + 10**9}"  # a number of seconds that no other program sleeps
HONEST = "print(sum(i * i for i in range(1000)))"
TIMES_OUT = "import time\nwhile True: time.sleep(0.01)"
HUNGRY = "x = []\nwhile True: x.append(bytearray(1 << 20))"
DAEMON = (
    "import os\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    f"    if os.fork() == 0: os.execvp('sleep', ['sleep', '{MARK}'])\n"
    "    os._exit(0)\n"
    "os.wait()"
)


def program(index: int) -> tuple[str, Limits, Outcome]:
    """The source, the limits and the outcome of one run."""
    if index % 30 < 10:
        return TIMES_OUT, SHORT, Outcome.TLE
    if index % 30 < 13:
        return HUNGRY, LIMITS, Outcome.MLE
    if index % 30 < 16:
        return DAEMON, LIMITS, Outcome.OK
    return HONEST, LIMITS, Outcome.OK


def descendants() -> dict[int, int]:
    """Resident bytes of every process below this one."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return {pid: resident(pid) for pid in below - {os.getpid()}}


def resident(pid: int) -> int:
    """Resident bytes of a process."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def orphans() -> int:
    """Daemons of these programs that live on."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += MARK.encode() in path.read_bytes().split(b"\0")
        except OSError:
            continue
    return found


def state() -> dict[str, int]:
    """What a leak would show in."""
    below = descendants()
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "processes": len(below),
        "host_bytes": resident(os.getpid()),
        "helper_bytes": sum(below.values()),
    }


async def soak(backend: Backend, runs: int, jobs: int) -> dict[str, object]:
    """Run them all, `jobs` at a time."""
    indices = iter(range(runs))
    outcomes: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []

    async def work() -> None:
        for index in indices:
            code, limits, expected = program(index)
            result = await backend.run_python(code, limits=limits)
            outcomes[result.outcome] += 1
            if result.outcome is not expected:
                wrong.append(f"{index}: {expected}, not {result}"[:300])

    async def all_of(count: int) -> None:
        nonlocal indices
        indices = iter(range(count))
        await asyncio.gather(*(work() for _ in range(jobs)))

    await all_of(max(runs // 10, 10 * jobs))  # all that is kept for reuse is there
    outcomes.clear()
    before, began = state(), time.monotonic()
    await all_of(runs)
    seconds, after = time.monotonic() - began, state()
    return {
        "runs": runs,
        "seconds": round(seconds, 1),
        "runs_per_s": round(runs / seconds, 1),
        "outcomes": dict(sorted(outcomes.items())),
        "wrong": wrong[:10],
        "orphans": orphans(),
        "before": before,
        "after": after,
    }


async def main() -> int:
    """Parse the arguments, soak, judge."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--backend", default="namespace")
    options = parser.parse_args()
    async with open_backend(options.backend) as backend:
        report = await soak(backend, options.runs, options.jobs)
    report["left"] = {"orphans": orphans(), "processes": len(descendants())}
    before, after = report["before"], report["after"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    flat = all(after[k] <= before[k] * 1.1 for k in ("host_bytes", "helper_bytes"))
    kept = all(after[k] <= before[k] for k in ("descriptors", "processes"))
    report["ok"] = not report["wrong"] and flat and kept and not any(report["left"].values())
    print(json.dumps(report))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
