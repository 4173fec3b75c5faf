"""Verilog tools in pooled sandboxes, and a cache of golden traces, shared within a process.

Tools and judge run in sandboxes of one pool. A golden design is analysed and simulated once for all
concurrent episodes of its task; later ones await the same trace.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from envgym.environments.verilog.compare_when import compared_when
from envgym.environments.verilog.problem import Problem
from envgym.environments.verilog.testbench_rules import (
    CheckedBench,
    check_bench,
    program_problems,
)
from envgym.errors import Fault, UsageError
from envgym.sandboxes.backends.registry import open_backend
from envgym.sandboxes.graders.solution_proxy import ending
from envgym.sandboxes.graders.verdict import WORDS, CaseResult, Status, Verdict
from envgym.sandboxes.graders.verilog import (
    Examined,
    Golden,
    Interface,
    Proof,
    Stimulus,
    ToolSession,
    TooSlow,
    alike,
    cover,
    equivalent,
    examine,
    fitted,
    grade_design,
    record_golden,
)
from envgym.sandboxes.graders.verilog.source.lexer import numbers
from envgym.sandboxes.graders.verilog.source.lint import Checked, check
from envgym.sandboxes.graders.verilog.source.preprocess import SYNTHESIS
from envgym.sandboxes.graders.verilog.tools.tool_commands import (
    BENCH,
    DESIGN,
    PLAIN,
    explained,
    plain,
    run_tool,
    timed,
    timed_bench,
)
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Outcome, Result
from envgym.sandboxes.pool.pool import Pool
from envgym.utils.bounded_text import bounded_middle
from envgym.utils.thread_call import ThreadCall

SANDBOX = Limits(wall_s=30.0, cpu_s=20.0, output_bytes=64 * MIB)
"""Limits of all sandboxes, so that warm ones serve every use."""
RUN = SANDBOX.model_copy(update={"wall_s": 10.0, "cpu_s": 10.0, "output_bytes": 1 << 16})
"""Limits of one tool call of an agent."""
GOLDEN = SANDBOX.model_copy(update={"cpu_s": 5.0})
"""Limits of a golden design's run; a submitted design may be four times as slow."""
_WARM = 4  # warm sandboxes
_SHARES = (1, 5, 25, 125)  # divisors of the stimulus, tried in order for slow golden designs
_PATIENCE_S = 600.0  # maximum wait for a sandbox; many waiting episodes are load, not a fault
_KEPT = 128  # cached golden traces
_MESSAGE = 2000  # maximum characters of tool messages
_OUTPUT = 4000  # maximum characters of tool output

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """Options that select a shared toolchain.

    Attributes:
        sandbox: Name of the sandbox backend.
        lengths: Sequences and steps of the stimulus; None fits them to each golden design.
        formal: Whether a passing design must also be proved equivalent by the solver.
    """

    sandbox: str
    lengths: tuple[int, int] | None
    formal: bool


class Toolchain:
    """Verilog tools and judge on one sandbox pool; needs a running event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        most = max(4, 2 * (os.cpu_count() or 1))
        self._pool = Pool(
            open_backend(settings.sandbox),
            size=_WARM,
            most=most,
            limits=SANDBOX,
            patience_s=_PATIENCE_S,
            most_waiting=1 << 16,
        )
        self._kept: OrderedDict[Any, asyncio.Task[Any]] = OrderedDict()

    async def golden(self, problem: Problem, source: str) -> Golden:
        """Ports and traces of a golden design.

        Raises:
            Fault: Kind ``env``: it cannot be judged, or contradicts its row; the message says why.
        """
        when = tuple(sorted(problem.compare_when.items()))
        key = (source, problem.module, problem.interface, when)
        recorded = await self._once(key, problem.name, lambda: self._recorded(problem, source))
        face = recorded.interface
        widths = {port.name: port.width for port in (*face.inputs, *face.outputs)}
        if problem.ports and dict(problem.ports) != widths:
            raise Fault(
                f"{problem.name}: its row states the ports {dict(problem.ports)}, its golden "
                f"design has {widths}",
                "env",
            )
        return recorded

    async def judge(self, problem: Problem, design: str) -> Verdict:
        """Judge a design against each golden one; the best verdict counts.

        Raises:
            Fault: The sandbox broke; or, of kind ``env``, a golden design is no judge.
        """
        best: Verdict | None = None
        for golden in problem.goldens:
            recorded = await self.golden(problem, golden)
            verdict = await grade_design(self._pool, design, recorded, limits=SANDBOX)
            if verdict.passed and self._settings.formal:
                verdict = await self._proved(verdict, recorded, design)
            if best is None or verdict.fraction > best.fraction:
                best = verdict
            if best.passed:
                break
        assert best is not None  # loading rejects problems without a golden design
        return best

    async def lint(self, design: str, module: str) -> str:
        """Rules that a design breaks, and messages of Icarus Verilog and Yosys."""
        checked = await _checked(design, module)
        if checked.problems:
            return _rules(checked.problems)
        flags = ("-g2012", "-Wall", "-Wno-timescale", "-s", module, "-t", "null")
        script = f"read_verilog -sv {PLAIN}; hierarchy -check -top {module}; proc"
        async with await self._pool.open(limits=SANDBOX) as sandbox:
            await sandbox.write(DESIGN, _bytes(timed(checked.text)))
            compiled = await run_tool(sandbox, "iverilog", *flags, DESIGN, limits=RUN)
            parts = [_said(compiled), *_warnings(checked.text)]
            if compiled.ok:
                await sandbox.write(PLAIN, _bytes(plain(checked.text)))
                read = await run_tool(sandbox, "yosys", "-q", "-p", script, limits=RUN)
                if not read.ok:
                    parts.append(f"Yosys cannot synthesise it: {_synthesis(read)}")
        return "\n".join(part for part in parts if part) or "No errors and no warnings."

    async def simulate(self, design: str, bench: str, module: str) -> str:
        """Output of the agent's testbench with its design."""
        checked = await _checked(design, module)
        if checked.problems:
            return _rules(checked.problems)
        kept: CheckedBench = await ThreadCall(
            check_bench, {"source": bench}, name="verilog-bench"
        ).result()
        if kept.problems:
            return _rules(kept.problems)
        async with await self._pool.open(limits=SANDBOX) as sandbox:
            await sandbox.write(DESIGN, _bytes(timed(checked.text)))
            await sandbox.write(BENCH, _bytes(timed_bench(kept.text)))
            flags = ("-g2012", "-Wno-timescale", "-o", "run.vvp")
            built = await run_tool(sandbox, "iverilog", *flags, BENCH, DESIGN, limits=RUN)
            if not built.ok:
                return _said(built)
            program = await sandbox.read("run.vvp", limit=SANDBOX.file_bytes)
            foreign: list[str] = await ThreadCall(
                program_problems, {"program": program}, name="verilog-bench"
            ).result()
            if foreign:
                return _rules(foreign)
            ran = await run_tool(sandbox, "vvp", "-n", "run.vvp", limits=RUN)
        parts = [_said(built), bounded_middle(ran.text.strip(), _OUTPUT), _said(ran)]
        return "\n".join(part for part in parts if part) or "The test bench printed nothing."

    async def synthesise(self, design: str, module: str) -> str:
        """Cells and warnings of synthesis by Yosys."""
        checked = await _checked(design, module)
        if checked.problems:
            return _rules(checked.problems)
        script = (
            f"read_verilog -sv {DESIGN}; hierarchy -check -top {module}; proc;"
            f" check; synth -top {module}; tee -q -o cells.txt stat"
        )
        async with await self._pool.open(limits=SANDBOX) as sandbox:
            await sandbox.write(DESIGN, _bytes(plain(checked.text)))
            result = await run_tool(sandbox, "yosys", "-q", "-p", script, limits=RUN)
            if not result.ok:
                return _synthesis(result)
            cells = (await sandbox.read("cells.txt", limit=MIB)).decode("utf-8", "replace")
        warnings = _said(result)
        _, _, counted = cells.partition("===")
        counted = "\n".join(line.rstrip() for line in counted.splitlines()[1:] if line.strip())
        return bounded_middle(f"{counted}\n{warnings or 'No warnings.'}", _OUTPUT)

    async def close(self) -> None:
        """Cancel recordings and close the pool."""
        tasks = list(self._kept.values())
        self._kept.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pool.close()

    async def _recorded(self, problem: Problem, golden: str) -> Golden:
        """Record the traces of a golden design, with a shorter stimulus if it simulates slowly.

        Raises:
            UsageError: The design is unsuitable; see `examine`, `record_golden` and `cover`.
        """
        async with ToolSession(self._pool, SANDBOX) as tools:
            found = await examine(tools, golden, problem.module, limits=GOLDEN)
            if (stated := problem.interface) is not None:
                _same_ports(stated, found.interface)
                found = found._replace(interface=stated)
            if problem.compare_when:
                golden = compared_when(golden, found.interface, problem.compare_when)
                try:
                    opened = await examine(tools, golden, problem.module, limits=GOLDEN)
                except UsageError as error:
                    raise UsageError(f"with its row's compare_when, {error}") from error
                found = found._replace(netlist=opened.netlist, fixed=opened.fixed)
            for share in _SHARES:
                lengths = self._settings.lengths
                stimulus = await asyncio.to_thread(_stimulus, golden, found, share, lengths)
                try:
                    recorded = await record_golden(
                        tools,
                        golden,
                        found.interface,
                        stimulus,
                        netlist=found.netlist,
                        limits=GOLDEN,
                    )
                except TooSlow:
                    if share == _SHARES[-1]:
                        raise
                    continue
                more = await asyncio.to_thread(_stimulus, golden, found, share) if lengths else None
                return await cover(self._pool, tools, recorded, found, more=more, limits=GOLDEN)
        raise AssertionError("unreachable")

    async def _proved(self, verdict: Verdict, golden: Golden, design: str) -> Verdict:
        module = golden.interface.module
        found = await equivalent(self._pool, golden.source, design, module, limits=SANDBOX)
        status = Status.WRONG if found.proof is Proof.REFUTED else Status.PASS
        case = CaseResult(f"equivalence {found.proof.value.lower()}", status, found.detail)
        return replace(verdict, cases=(*verdict.cases, case), expected=verdict.expected + 1)

    async def _once(self, key: Any, name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run `work` once per key and cache its result; failures are not cached."""
        task = self._kept.get(key)
        if task is None:
            task = self._kept[key] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._forget_failed(key, done))
            while len(self._kept) > _KEPT:
                oldest = next(iter(self._kept))
                if not self._kept[oldest].done():
                    break
                del self._kept[oldest]
        self._kept.move_to_end(key)
        try:
            result: T = await asyncio.shield(task)
        except UsageError as error:
            raise Fault(f"{name} cannot be judged: {error}", "env") from error
        return result

    def _forget_failed(self, key: Any, task: asyncio.Task[Any]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if failed and self._kept.get(key) is task:
            del self._kept[key]


async def _checked(design: str, module: str) -> Checked:
    """Check a design against the rules, in a thread because sources may be long."""
    arguments = {"source": design, "module": module}
    checked: Checked = await ThreadCall(check, arguments, name="verilog-rules").result()
    return checked


def _stimulus(
    golden: str, found: Examined, share: int, lengths: tuple[int, int] | None = None
) -> Stimulus:
    """Stimulus fitted to a golden design, or of `Settings.lengths`; divided by `share` if it is
    slow.
    """
    if lengths is None:
        runs = fitted(found.interface, found.state, counts=found.counts, share=share)
    else:
        sequences, steps = lengths
        runs = alike(sequences, max(steps // share, 8))
    return Stimulus.random(found.interface, 0, runs, values=numbers(golden))


def _same_ports(stated: Interface, found: Interface) -> None:
    """Raise if a problem states other ports than its golden design has."""
    if set(stated.inputs) != set(found.inputs) or set(stated.outputs) != set(found.outputs):
        raise UsageError(
            f"it states the inputs {stated.inputs} and outputs {stated.outputs}, its golden design "
            f"has {found.inputs} and {found.outputs}"
        )


def _rules(broken: list[str]) -> str:
    more = [f"… and {len(broken) - 10} more"] if len(broken) > 10 else []
    return "\n".join(["Not run, rules are broken:", *broken[:10], *more])


def _said(result: Result) -> str:
    """Messages of a tool, and the reason if it failed."""
    said = bounded_middle(result.error_text.strip(), _MESSAGE)
    if result.outcome in (Outcome.OK, Outcome.RE):
        return said or ("" if result.ok else ending(result)[1])
    return f"{said}\nstopped: {WORDS[Status(result.outcome.value)]}".strip()


def _warnings(text: str) -> list[str]:
    """Warnings about attributes that only synthesis obeys."""
    return [
        f"warning: {name} is a promise to synthesis that simulation does not keep: where the case "
        "is not so by itself the two differ, and the design is wrong; write a default instead"
        for name in SYNTHESIS
        if re.search(rf"\(\* [\w, ]*\b{name}\b", text)
    ]


def _synthesis(result: Result) -> str:
    """Messages of Yosys for a failed run."""
    return explained(_said(result).replace(PLAIN, DESIGN))


def _bytes(source: str) -> bytes:
    return source.encode("utf-8", "replace")
