"""Is this circuit the golden one? Neither is near the other; the host compares their traces.

A design has to keep the rules (`lint`), to be a circuit (Yosys reads it), to have the golden ports,
and to give the golden outputs twice: as it was written, and as the netlist that Yosys makes of it,
which knows no simulator's tricks. A design that writes past a range is judged as netlist alone:
the standard (IEEE 1800, 11.5.1) drops what lies outside, as Yosys does, where Icarus 11 writes the
wrong bits in a continuous assignment of a part, and refuses one of a single bit.
"""

from __future__ import annotations

from dataclasses import dataclass

from envgym.errors import Fault, UsageError
from envgym.sandboxes.base import Backend
from envgym.sandboxes.graders.verdict import CaseResult, Status, Verdict
from envgym.sandboxes.graders.verilog.driver import Trace, reads, row_of
from envgym.sandboxes.graders.verilog.interface import Interface
from envgym.sandboxes.graders.verilog.lint import Checked, check
from envgym.sandboxes.graders.verilog.preprocess import preprocess
from envgym.sandboxes.graders.verilog.stimulus import Stimulus
from envgym.sandboxes.graders.verilog.toolbox import ToolBox
from envgym.sandboxes.graders.verilog.trial import STAGES, Stage, Trial
from envgym.sandboxes.limits import MIB, Limits
from envgym.threads import ThreadCall

LIMITS = Limits(wall_s=60.0, cpu_s=30.0, output_bytes=64 * MIB)
_SHOWN = 8  # rows of inputs that a mismatch comes with


class TooSlow(UsageError):
    """A golden design is not through its stimulus in time: drive it with less."""


@dataclass
class Golden:
    """What the golden design did: made once for a task, and used for every design.

    Attributes:
        interface: Its ports.
        stimulus: What it was driven with.
        source: Its text, preprocessed.
        netlist: The text of its netlist; None where that stands for the source, which writes past a
            range.
        written: The trace of its source.
        loose: The same, where the trace of its netlist is defined too: where either is x, a
            netlist may give anything. None until a design's netlist makes that a question.
    """

    interface: Interface
    stimulus: Stimulus
    source: str
    netlist: str | None
    written: Trace
    loose: Trace | None = None


async def record_golden(
    tools: ToolBox,
    source: str,
    interface: Interface,
    stimulus: Stimulus,
    *,
    netlist: str | None = None,
    limits: Limits = LIMITS,
) -> Golden:
    """Simulate the golden design, which is trusted to be no attack, and nothing more.

    Args:
        tools: Where it is simulated.
        netlist: The one that `examine` made of it; without it, it is synthesised here.

    Raises:
        UsageError: Yosys or Icarus does not take it, or it never gives a defined output.
        TooSlow: It runs into its time limit, or its trace is larger than a box's file may be.
        Fault: The sandbox broke, or a tool is not there.
    """
    outputs = sum(port.width for port in interface.outputs)
    size = max(len(stimulus.rows) * interface.width, reads(interface, stimulus) * outputs)
    if size > min(limits.file_bytes, limits.output_bytes) // 2:
        raise TooSlow(f"the golden design: {size} characters of inputs or outputs")
    made = await ThreadCall(preprocess, {"source": source}, name="verilog-text").result()
    trial = Trial(tools, made.text, interface, stimulus, netlist=netlist, limits=limits)
    loose = None
    if netlist is None:
        written, loose = await _both(trial)
    else:
        written = _trace(await trial.written())
    if not written.defined:
        raise UsageError("the golden design gives no defined output: nothing could be compared")
    return Golden(interface, stimulus, made.text, netlist, written, loose)


async def grade_design(
    backend: Backend, source: str, golden: Golden, *, limits: Limits = LIMITS
) -> Verdict:
    """Judge a design; the first of the STAGES that fails ends it.

    Raises:
        Fault: The sandbox broke, or a tool is not there; of kind ``env``, the golden design's
            netlist cannot be simulated.
    """
    arguments = {"source": source, "module": golden.interface.module}
    checked: Checked = await ThreadCall(check, arguments, name="verilog-rules").result()
    if checked.problems:
        return _verdict(Status.REFUSED, "\n".join(checked.problems[:10]), 0)
    async with ToolBox(backend, limits) as tools:
        trial = Trial(tools, checked.text, golden.interface, golden.stimulus, limits=limits)
        async for stage in trial.stages():
            if stage.trace is None:
                return _verdict(stage.status, stage.words, stage.number)
            words = _mismatch(golden, golden.written, stage.trace)
            if words and stage.of_netlist:
                words = _mismatch(golden, await _loose(backend, golden, limits), stage.trace)
            if words:
                return _verdict(Status.WRONG, words, stage.number)
    return _verdict(Status.PASS, "", len(STAGES))


async def _loose(backend: Backend, golden: Golden, limits: Limits) -> Trace:
    if golden.loose is None:
        async with ToolBox(backend, limits) as tools:  # not the design's
            face, stimulus = golden.interface, golden.stimulus
            trial = Trial(
                tools, golden.source, face, stimulus, netlist=golden.netlist, limits=limits
            )
            try:
                _, golden.loose = await _both(trial)
            except UsageError as error:
                raise Fault(f"{error} as a netlist", "env") from error
    return golden.loose


async def _both(trial: Trial) -> tuple[Trace, Trace]:
    """The traces of a golden design, as written and where its netlist's is defined too."""
    traces = [_trace(stage) async for stage in trial.stages()]
    return traces[0], traces[0].where(traces[-1])


def _trace(stage: Stage) -> Trace:
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
    """Whether a bit that the golden trace defines is another one."""
    return any(a != b and a in "01" for a, b in zip(want, got, strict=True))


def _mismatch(golden: Golden, want: Trace, got: Trace) -> str:
    """The first row that differs, in words; empty where none does."""
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
    """A row's name: where there is a clock, two rows make one of its cycles."""
    if not interface.clock:
        return f"row {row}"
    edge = "falling" if row % 2 else "rising"
    return f"row {row} (cycle {row // 2}, {edge} edge of {interface.clock})"
