"""Judge of a circuit: the host compares its traces with the golden design's.

A design has to keep the rules (`lint`), to be a circuit (Yosys reads it), to have the golden ports,
and to give the golden outputs twice: as it was written, and as the netlist that Yosys makes of it,
which knows no simulator's tricks. A design that writes past a range is judged as netlist alone:
the standard (IEEE 1800, 11.5.1) drops what lies outside, as Yosys does, where Icarus 11 writes the
wrong bits in a continuous assignment of a part, and refuses one of a single bit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend
from envgym.sandboxes.graders.verdict import CaseResult, Status, Verdict
from envgym.sandboxes.graders.verilog.analysis.ports import Interface
from envgym.sandboxes.graders.verilog.design_pipeline import STAGES, DesignPipeline, StageResult
from envgym.sandboxes.graders.verilog.source.lint import Checked, check
from envgym.sandboxes.graders.verilog.stimulus.stimulus import Stimulus
from envgym.sandboxes.graders.verilog.tools.testbench import Trace, reads, row_of
from envgym.sandboxes.graders.verilog.tools.tool_session import ToolSession
from envgym.sandboxes.limits import MIB, Limits
from envgym.utils.thread_call import ThreadCall

LIMITS = Limits(wall_s=60.0, cpu_s=30.0, output_bytes=64 * MIB)
# As Yosys writes them.
_SET_AND_RESET = re.compile(r"always @\(\w+edge [^,]+, \w+edge [^,]+, \w+edge [^,]+\)")
_LATCH = re.compile(r"always @\*\s+if \(")
_SHOWN = 8  # rows of inputs that a mismatch comes with


class TooSlow(UsageError):
    """The golden design exceeds its time limit under this stimulus; use a shorter one."""


@dataclass
class Golden:
    """Record of a golden design: made once for a task, and used for every design.

    Attributes:
        interface: Its ports.
        stimulus: Its stimulus.
        source: Its preprocessed source.
        written: Trace of its source.
        netlist_trace: The same, with x wherever the trace of its netlist has x: where either trace
            is undefined, a netlist may give any value.
    """

    interface: Interface
    stimulus: Stimulus
    source: str
    written: Trace
    netlist_trace: Trace


async def record_golden(
    tools: ToolSession,
    source: str,
    interface: Interface,
    stimulus: Stimulus,
    *,
    netlist: str | None = None,
    limits: Limits = LIMITS,
) -> Golden:
    """Simulate the golden design, which is trusted, and check that it passes as its own answer.

    Args:
        tools: Session that simulates.
        netlist: Netlist from `examine`; without it, the design is synthesised here.

    Raises:
        UsageError: Yosys or Icarus refuses it, it never gives a defined output, or it would not
            pass as its own answer.
        TooSlow: It exceeds its time limit, or its trace exceeds the size of a sandbox's file.
        Fault: The sandbox broke, or a tool is missing.
    """
    outputs = sum(port.width for port in interface.outputs)
    size = max(len(stimulus.rows) * interface.width, reads(interface, stimulus) * outputs)
    if size > min(limits.file_bytes, limits.output_bytes) // 2:
        raise TooSlow(f"the golden design: {size} characters of inputs or outputs")
    checked = await _checked(source, interface.module)
    if broken := checked.problems[:10]:
        raise UsageError(f"the golden design breaks the rules for designs: {'; '.join(broken)}")
    pipeline = DesignPipeline(
        tools, checked.text, interface, stimulus, netlist=netlist, limits=limits
    )
    traces = [_trace(stage) async for stage in pipeline.stages()]
    written, synthesised = traces[0], traces[-1]
    golden = Golden(interface, stimulus, checked.text, written, written.where(synthesised))
    if not written.defined:
        raise UsageError("the golden design gives no defined output: nothing could be compared")
    if words := _mismatch(golden, golden.netlist_trace, synthesised):
        raise UsageError(
            "the golden design is not the circuit that Yosys makes of it, so its own source would "
            f"not pass{_cause(netlist or '')}; as a netlist, {words}"
        )
    return golden


def _cause(netlist: str) -> str:
    """Elements of a netlist that simulators and synthesisers treat differently, in words."""
    causes = []
    if _SET_AND_RESET.search(netlist):
        causes.append("a register is both set and reset asynchronously")
    if _LATCH.search(netlist):
        causes.append("a latch is enabled by what its data depends on")
    return f" ({' and '.join(causes)})" if causes else ""


async def grade_design(
    backend: Backend, source: str, golden: Golden, *, limits: Limits = LIMITS
) -> Verdict:
    """Grade a design by the STAGES; the first failure ends it.

    Raises:
        Fault: The sandbox broke, or a tool is missing.
    """
    checked = await _checked(source, golden.interface.module)
    if checked.problems:
        return _verdict(Status.REFUSED, "\n".join(checked.problems[:10]), 0)
    async with ToolSession(backend, limits) as tools:
        pipeline = DesignPipeline(
            tools, checked.text, golden.interface, golden.stimulus, limits=limits
        )
        async for stage in pipeline.stages():
            if stage.trace is None:
                return _verdict(stage.status, stage.words, stage.number)
            wanted = golden.netlist_trace if stage.of_netlist else golden.written
            if words := _mismatch(golden, wanted, stage.trace):
                return _verdict(Status.WRONG, words, stage.number)
    return _verdict(Status.PASS, "", len(STAGES))


async def _checked(source: str, module: str) -> Checked:
    """Run `check` in a thread, because a source may be long."""
    arguments = {"source": source, "module": module}
    checked: Checked = await ThreadCall(check, arguments, name="verilog-rules").result()
    return checked


def _trace(stage: StageResult) -> Trace:
    if stage.trace is None:
        kind = TooSlow if stage.status is Status.TLE else UsageError
        raise kind(f"the golden design: {stage.words}")
    return stage.trace


def _verdict(status: Status, detail: str, passed: int) -> Verdict:
    cases = [CaseResult(name, Status.PASS) for name in STAGES[:passed]]
    if passed < len(STAGES):
        cases.append(CaseResult(STAGES[passed], status, detail))
        cases += [CaseResult(name, Status.UNRUN) for name in STAGES[passed + 1 :]]
    return Verdict(tuple(cases), len(STAGES))


def _differs(want: str, got: str) -> bool:
    """Return whether a bit differs that is not x in the golden trace."""
    return any(a != b and a != "x" for a, b in zip(want, got, strict=True))


def _mismatch(golden: Golden, want: Trace, got: Trace) -> str:
    """Message about the first row that differs; empty if none does."""
    interface, stimulus = golden.interface, golden.stimulus
    read = want.first_difference(got)
    if read is None:
        return ""
    wanted, given = want.row(read), got.row(read)
    row, after = row_of(interface, read)
    side = "" if not interface.clock else " after the edge" if after else " before the edge"
    total = len(stimulus.rows)
    lines = [f"{_when(interface, row)} of {total} rows is the first that differs{side}:"]
    left = 0
    for port in interface.outputs:
        part = slice(left, left + port.width)
        left += port.width
        if _differs(wanted[part], given[part]):
            lines.append(f"  {port.name} is {given[part]}, should be {wanted[part]}")
    lines.append("inputs that led to it:")
    first = max(0, row - _SHOWN + 1)
    lines += [
        f"  {_when(interface, n)}: {stimulus.show(interface, n)}" for n in range(first, row + 1)
    ]
    return "\n".join(lines)


def _when(interface: Interface, row: int) -> str:
    """Name of a row; with a clock, two rows make one of its cycles."""
    if not interface.clock:
        return f"row {row}"
    edge = "falling" if row % 2 else "rising"
    return f"row {row} (cycle {row // 2}, {edge} edge of {interface.clock})"
