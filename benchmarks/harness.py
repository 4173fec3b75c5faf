"""Runner of all benches: install the peers once, run the sides in turn, compare the medians.

A figure's unit stands at the end of its name and says which way is better: ``…_per_s`` is a rate,
more of it is better; of ``…_s``, ``…_ms`` and ``…_mib``, less.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envgym.errors import Fault, UsageError

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
Figures = dict[str, float]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Side:
    """One contestant.

    Attributes:
        name: Its name in the ratios; `OURS` for envgym.
        script: Path under ``benchmarks/`` of what prints its figures.
        arguments: For the script.
        note: What a reader must know of it beside the figures.
        own: Whether it is envgym too, otherwise set up: it runs where envgym is installed.
    """

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    note: str = ""
    own: bool = False


OURS = "envgym"


@dataclass(frozen=True)
class Data:
    """Published data that every side reads, from the path in its ``BENCH_DATA``.

    Attributes:
        name: File or folder, in the folder of all such data (`DATA` unless another is said).
        origin: Who publishes it.
    """

    name: str
    origin: str

    def find(self, folder: str | None) -> Path:
        """Its path.

        Raises:
            UsageError: It is not there.
        """
        path = (Path(folder) if folder else DATA).resolve() / self.name
        if not path.exists():
            raise UsageError(
                f"no data at {path}: put {self.origin} there, or name another folder that holds "
                f"{self.name} with --data or in ENVGYM_BENCH_DATA"
            )
        return path


@dataclass(frozen=True)
class Bench:
    """A comparison.

    Attributes:
        name: What ``envgym bench`` calls it.
        sides: Who takes part; one of them is `OURS`.
        requirements: The peers' packages, pinned; none where they are the project's own.
        threads: Threads that numerical libraries may use, on every side.
        rounds: How often each side runs.
        data: What they read, where that is none of the project's.
    """

    name: str
    sides: tuple[Side, ...]
    requirements: tuple[str, ...] = ()
    threads: int = 1
    rounds: int = 5
    data: Data | None = None

    def run(self, rounds: int | None, say: Progress, data: str | None = None) -> dict[str, Any]:
        """Measure; see `report` for what comes back.

        `data` is the folder of published data, where it is not the usual one. A peer's script that
        prints ``{"absent": reason}`` is left out, and the reason is told.
        """
        path = self.data.find(data) if self.data else None
        python = self._python(say)
        runs: dict[str, list[Figures]] = {side.name: [] for side in self.sides}
        absent: dict[str, str] = {}
        load = os.getloadavg()[0]
        count = rounds or self.rounds
        for number in range(1, count + 1):
            for side in self.sides:
                if side.name in absent:
                    continue
                say(f"round {number} of {count}: {side.name}")
                printed = self._play(side, python, path)
                if "absent" in printed:
                    absent[side.name] = printed["absent"]
                    say(f"{side.name} is left out: {printed['absent']}")
                else:
                    runs[side.name].append(printed)
        measured = {name: rows for name, rows in runs.items() if name not in absent}
        return report(measured) | {
            "absent": absent,
            "notes": {side.name: side.note for side in self.sides if side.note},
            "machine": self._machine(count, load),
        }

    def _python(self, say: Progress) -> str:
        """The peers' interpreter, in an environment that is made on first use."""
        if not self.requirements:
            return sys.executable
        folder = ROOT / ".venv-bench" / self.name
        python, stamp = folder / "bin" / "python", folder / ".installed"
        wanted = "\n".join(self.requirements)
        if not stamp.is_file() or stamp.read_text() != wanted:
            say(f"installing {', '.join(self.requirements)} into {folder}, once")
            venv.create(folder, with_pip=True, clear=True)
            # In order: a pinned torch first keeps the others from drawing in another build of it.
            for requirement in self.requirements:
                command = [str(python), "-m", "pip", "install", "-q", *requirement.split()]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                    raise Fault(f"could not install {requirement}: {last}")
            stamp.write_text(wanted)
        return str(python)

    def _play(self, side: Side, python: str, data: Path | None) -> dict[str, Any]:
        """Output of one run of one side, in a process of its own."""
        threads = str(self.threads)
        own = side.own or side.name == OURS
        environment = os.environ | {
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": str(ROOT) if own else "",
            "BENCH_DATA": str(data or ""),
        }
        done = subprocess.run(
            [
                sys.executable if own else python,
                str(ROOT / "benchmarks" / side.script),
                *side.arguments,
            ],
            capture_output=True,
            text=True,
            env=environment,
            cwd=ROOT / "benchmarks",
        )
        if done.returncode:
            raise Fault(f"{side.script} failed:\n{done.stderr.strip()[-2000:]}")
        printed: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return printed

    def _machine(self, rounds: int, load: float) -> dict[str, Any]:
        return {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "load_before": round(load, 2),
            "system": platform.platform(),
            "python": platform.python_version(),
            "packages": list(self.requirements),
            "threads": self.threads,
            "rounds": rounds,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        }


def report(runs: dict[str, Sequence[Figures]]) -> dict[str, Any]:
    """Medians of each side, and ours over each peer's where both have the figure.

    Returns:
        ``ratios`` (``<peer>.<figure>``, above 1 where we are better; a time or size loses its
        unit, ``step_s`` becomes ``step``), ``ours`` and ``peers``.
    """
    medians = {
        name: {figure: statistics.median(r[figure] for r in rows) for figure in rows[0]}
        for name, rows in runs.items()
    }
    ours = medians.pop(OURS)
    ratios = {
        f"{peer}.{_bare(figure)}": round(_better(figure, ours[figure], theirs), 3)
        for peer, figures in medians.items()
        for figure, theirs in figures.items()
        if figure in ours
    }
    return {"ratios": ratios, "ours": ours, "peers": medians}


def _better(figure: str, ours: float, theirs: float) -> float:
    if _is_rate(figure):
        return ours / theirs
    if figure.endswith(("_s", "_ms", "_mib")):
        return theirs / ours
    raise UsageError(f"figure {figure!r} has no unit at its end: _per_s, _s, _ms or _mib")


def _is_rate(figure: str) -> bool:
    """Return whether more of it is better."""
    return figure == "per_s" or figure.endswith("_per_s")


def _bare(figure: str) -> str:
    return figure if _is_rate(figure) else figure.rpartition("_")[0]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
