"""Session of several tools in one sandbox, with one message each way per run.

A runner (`harness/tool_runner.py`) gets the files and the steps at once: a message per step would
cost as much as most of the steps. Its answer is untrusted like any output of a sandbox: a design
that took a tool over could report no more than that tool could.
"""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from envgym.errors import Fault
from envgym.sandboxes.base import Backend, BoxLost, Session, SessionLost
from envgym.sandboxes.graders.nonce_protocol import start_harness
from envgym.sandboxes.graders.verilog.tools.tool_commands import SIMULATOR, absent
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result
from envgym.sandboxes.supervisor.classify_exit import Ending, outcome


@dataclass(frozen=True)
class ToolStep:
    """A program to run.

    Attributes:
        argv: Program and arguments.
        gives: Names of its output files to return.
    """

    argv: tuple[str, ...]
    gives: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Encode for the runner."""
        return {"argv": self.argv, "gives": self.gives}


@dataclass(frozen=True)
class Elaboration(ToolStep):
    """Icarus' compiler without its driver and its preprocessor.

    It knows ```timescale`` and a few more directives, but no macros: `argv` is not used.

    Attributes:
        top: Top module.
        out: Name of the compiled program.
        sources: Files, read one after another as one text.
    """

    argv: tuple[str, ...] = ()
    top: str = ""
    out: str = ""
    sources: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Encode for the runner."""
        return {"top": self.top, "out": self.out, "sources": self.sources, "gives": self.gives}


@dataclass(frozen=True)
class Simulation(ToolStep):
    """A compiled program run by Icarus' simulator, with no readable file that describes the bench.

    The program reaches the simulator through a pipe, and its file is removed, as are those of
    `hides`, because they name the bench and its output file. A program that calls other system
    tasks than its bench does is not run.

    Attributes:
        argv: Not used.
        program: The compiled program.
        hides: Files that are removed before it begins.
        once: System tasks that it may call in one place each.
        may: System tasks that it may call.
    """

    argv: tuple[str, ...] = ()
    program: str = ""
    hides: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    may: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Encode for the runner."""
        row = {name: getattr(self, name) for name in ("program", "hides", "once", "may", "gives")}
        return {**row, "argv": SIMULATOR}


@dataclass(frozen=True)
class StepResult:
    """Result of a step, or of the whole run that ended in it.

    Attributes:
        result: Outcome, and standard error.
        files: Existing files of `ToolStep.gives`.
    """

    result: Result
    files: Mapping[str, bytes] = field(default_factory=dict)


class ToolSession:
    """Box for tools, opened at first use and again if a run lost it; close it.

    Each run has an empty folder. A design could affect later runs no more than its own, which are
    about the same design.

    Args:
        backend: Backend of the sandbox.
        limits: Wall and CPU time, memory and files of all steps of a run together; their standard
            output is dropped.
    """

    def __init__(self, backend: Backend, limits: Limits) -> None:
        self._backend = backend
        self._limits = limits
        self._session: Session | None = None
        self._runner = ""

    async def __aenter__(self) -> ToolSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(
        self, files: Mapping[str, bytes], steps: Sequence[ToolStep], limits: Limits | None = None
    ) -> list[StepResult]:
        """Run tools one after another; the first failure is the last result.

        Args:
            files: Files by name; written before the first step.
            limits: Limits of this run, where they are lower than the sandbox's.

        Raises:
            Fault: A tool is missing, or the sandbox broke.
        """
        bounds = limits or self._limits
        if self._session is None:
            self._session = await self._backend.repl(limits=self._limits)
            self._runner = await start_harness(self._session, "tool_runner", bounds)
        asked = [step.to_json() for step in steps]
        code = f"{self._runner}.run({dict(files)!r}, {asked!r})"
        try:
            result = await self._session.run(code, limits=bounds)
        except (SessionLost, BoxLost) as lost:
            await self.close()
            raise Fault(f"sandbox: a sandbox of tools is gone: {lost}", "infra") from lost
        if not result.ok:
            await self.close()
        # Tools have another standard error: what is said here the runner says, of its own failure.
        if not result.stdout.startswith(b"\n") or result.stderr:
            said = result.error_text[-300:].strip() or result.detail or result.outcome
            raise Fault(f"sandbox: the runner of tools fails in its sandbox: {said}", "infra")
        done = list(_answers(result.stdout[1:], steps, bounds))
        if len(done) == len(steps) or (done and not done[-1].result.ok):
            return done
        if result.ok:  # it says that it is through, and is not
            result = Result(Outcome.RE, 1, detail="it ended without an answer")
        return [*done, StepResult(Result(result.outcome, result.exit_code, detail=result.detail))]

    async def close(self) -> None:
        """Close the sandbox."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _answers(told: bytes, steps: Sequence[ToolStep], limits: Limits) -> Iterator[StepResult]:
    """Decode the runner's answers, up to the first invalid one."""
    for step in steps:
        line, end, told = told.partition(b"\n")
        try:
            answer = json.loads(line)
            status, sizes = int(answer["status"]), [int(size) for size in answer["sizes"]]
            cpu_s, resident = float(answer["cpu_s"]), int(answer["resident"])
            ended = os.WIFEXITED(status) or os.WIFSIGNALED(status)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return
        if not ended or not math.isfinite(cpu_s):
            return
        if len(sizes) != len(step.gives) + 1 or sum(max(size, 0) for size in sizes) > len(told):
            return
        if answer.get("absent") in ("iverilog", *SIMULATOR[:1], *step.argv[:1]):
            raise absent(answer["absent"])
        parts = []
        for size in sizes:
            parts.append(told[: max(size, 0)])
            told = told[max(size, 0) :]
        given = {
            name: data
            for name, data, size in zip(step.gives, parts[1:], sizes[1:], strict=True)
            if size >= 0
        }
        yield StepResult(_result(status, cpu_s, resident, parts[0], limits), given)
        if status or not end:
            return


def _result(status: int, cpu_s: float, resident: int, errors: bytes, limits: Limits) -> Result:
    # In its own sandbox nobody but the kernel kills it.
    killed = status == signal.SIGKILL and cpu_s < limits.cpu_s
    filled = resident >= limits.memory_bytes
    end = Ending(status, "", cpu_s, resident, int(killed), filled, filtered=True)
    verdict, code, why = outcome(end, limits.cpu_s)
    return Result(Outcome(verdict), code, b"", errors, 0.0, cpu_s, resident, why)
