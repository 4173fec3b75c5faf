"""The programs of `bench sandbox`, and how runs of them are timed: no library in it.

A peer says how it runs a piece of source and hands back its standard output, which is compared: a
run that went wrong is no run. Rates are counted with one caller and with eight.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

Run = Callable[[str], Awaitable[str]]
Figures = dict[str, float]

PROGRAMS = {
    "pass": ("pass", ""),
    "print": ("print(6 * 7)", "42\n"),
    "loop": ("n = 0\nfor i in range(20000):\n    n += i * i % 7\nprint(n)", "39998\n"),
    "json": (
        "import json, re\n"
        "rows = json.loads(json.dumps([{'name': f'row {i}'} for i in range(100)]))\n"
        "print(sum(int(re.search(r'\\d+', row['name'])[0]) for row in rows))",
        "4950\n",
    ),
}
NUMPY = {"numpy": ("import numpy\nprint(int(numpy.arange(10).sum()))", "45\n")}
MAIN = "print"
CALLERS = (1, 8)

HELD = 200 << 20
SET_UP = f"held = bytearray(b'x') * {HELD}"
ASK, ANSWER = "len(held)", f"{HELD}\n"


async def rates(run: Run, programs: dict[str, tuple[str, str]], seconds: float = 1.0) -> Figures:
    """Runs a second of each program, and latencies of the main one."""
    figures = {}
    for name, (code, expected) in programs.items():
        for callers in CALLERS:
            times, wall = await timed(run, code, expected, callers, seconds)
            figures[f"{name}_{callers}_per_s"] = len(times) / wall
            if name == MAIN:
                figures |= latencies(f"{name}_{callers}", times)
    return figures


async def timed(
    run: Run, code: str, expected: str, callers: int, seconds: float
) -> tuple[list[float], float]:
    """Seconds of each run, and of all of them, by so many callers over about `seconds`."""
    times: list[float] = []

    async def once() -> float:
        began = time.perf_counter()
        out = await run(code)
        if out != expected:
            raise SystemExit(f"{code!r} gave {out!r}, not {expected!r}")
        return time.perf_counter() - began

    async def caller() -> None:
        while time.perf_counter() < until:
            times.append(await once())

    await asyncio.gather(*(once() for _ in range(callers)))  # warm
    began = time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(caller() for _ in range(callers)))
    return times, time.perf_counter() - began


def latencies(name: str, times: list[float]) -> Figures:
    """Median and 99th percentile."""
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return {f"{name}_p50_ms": 1000 * cuts[49], f"{name}_p99_ms": 1000 * cuts[98]}


async def median_ms(work: Callable[[], Awaitable[object]], count: int) -> float:
    """Median milliseconds of one after another."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        await work()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def in_threads(blocking: Callable[[str], str]) -> Run:
    """A blocking way to run source, as many at once as there are callers."""
    pool = ThreadPoolExecutor(max(CALLERS))

    async def run(code: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(pool, blocking, code)

    return run


def finish(figures: Figures) -> None:
    """Print the figures, the last thing a side does."""
    print(json.dumps(figures))


def absent(reason: str) -> None:
    """Say why this machine cannot have the peer, and end."""
    print(json.dumps({"absent": reason}))
    sys.exit(0)
