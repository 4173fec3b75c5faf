"""Is this circuit the golden one? Each is simulated alone; the host compares their traces.

A design has to keep the rules (`lint`), to be a circuit (Yosys reads it), to have the golden ports,
and to give the golden outputs twice: as it was written, and as the netlist that Yosys makes of it,
which knows no simulator's tricks. A design that writes past a range is judged as netlist alone:
the standard (IEEE 1800, 11.5.1) drops what lies outside, as Yosys does, where Icarus 11 writes the
wrong bits in a continuous assignment of a part, and refuses one of a single bit.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend, Sandbox
from envgym.sandboxes.graders.frames import nonce
from envgym.sandboxes.graders.solution import ending
from envgym.sandboxes.graders.verdict import CaseResult, Status, Verdict
from envgym.sandboxes.graders.verilog.driver import (
    STIMULUS,
    Trace,
    driver,
    read_trace,
    reads,
    row_of,
    trace_file,
)
from envgym.sandboxes.graders.verilog.interface import Interface
from envgym.sandboxes.graders.verilog.lint import lint
from envgym.sandboxes.graders.verilog.programs import CONFLICT, plain, run_tool
from envgym.sandboxes.graders.verilog.stimulus import Stimulus
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Result

LIMITS = Limits(wall_s=60.0, cpu_s=30.0, output_bytes=64 * MIB)
STAGES = ("rules", "synthesis", "ports", "simulation", "netlist")
_WRITTEN, _NETLIST = "design.sv", "netlist.v"
_SHOWN = 8  # rows of inputs that a mismatch comes with
_PORT = re.compile(r"(input|output|inout) \[(-?\d+):(-?\d+)\] (\S+)")
_SYNTHESIS = (
    "read_verilog -sv plain.sv; hierarchy -check -top {top}; proc; opt_clean;"
    " tee -q -o ports.txt portlist {top}; write_verilog -noattr netlist.v"
)
_PAST_A_RANGE = ("select out of bounds", "Ignoring assignment to constant bits")


class TooSlow(UsageError):
    """A golden design is not through its stimulus in time: drive it with less."""


@dataclass(frozen=True)
class Golden:
    """What the golden design did: made once for a task, and used for every design.

    Attributes:
        interface: Its ports.
        stimulus: What it was driven with.
        written: The trace of its source.
        netlist: The same, where the trace of its netlist is defined too: where either is x, a
            netlist may give anything.
    """

    interface: Interface
    stimulus: Stimulus
    written: Trace
    netlist: Trace


async def record_golden(
    backend: Backend,
    source: str,
    interface: Interface,
    stimulus: Stimulus,
    *,
    limits: Limits = LIMITS,
) -> Golden:
    """Simulate the golden design, which is trusted to be no attack, and nothing more.

    Raises:
        UsageError: Yosys or Icarus does not take it, its ports are others, or it never gives a
            defined output.
        TooSlow: It runs into its time limit, or its trace is larger than a box's file may be.
        Fault: The sandbox broke, or a tool is not there.
    """
    outputs = sum(port.width for port in interface.outputs)
    size = max(len(stimulus.rows) * interface.width, reads(interface, stimulus) * outputs)
    if size > limits.file_bytes // 2:
        raise TooSlow(f"the golden design: {size} characters of inputs or outputs")
    async with await backend.open(limits=limits) as box:
        bench = _Bench(box, interface, stimulus, limits)
        problem = await bench.synthesise(source)
        if problem is None:
            problem = await bench.ports()
        if problem is not None:
            raise UsageError(f"the golden design: {problem[1]}")
        traces = []
        for _, file in bench.files:
            trace = await bench.simulate(file)
            if not isinstance(trace, Trace):
                kind = TooSlow if trace[0] is Status.TLE else UsageError
                raise kind(f"the golden design: {trace[1]}")
            traces.append(trace)
    if not traces[0].defined:
        raise UsageError("the golden design gives no defined output: nothing could be compared")
    netlist = await asyncio.to_thread(traces[0].where, traces[-1])
    return Golden(interface, stimulus, traces[0], netlist)


async def grade_design(
    backend: Backend, source: str, golden: Golden, *, limits: Limits = LIMITS
) -> Verdict:
    """Judge a design; the first of the STAGES that fails ends it.

    Raises:
        Fault: The sandbox broke, or a tool is not there.
    """
    broken = await asyncio.to_thread(lint, source, golden.interface.module)
    if broken:
        return _verdict(Status.REFUSED, "\n".join(broken[:10]), 0)
    async with await backend.open(limits=limits) as box:
        bench = _Bench(box, golden.interface, golden.stimulus, limits)
        problem = await bench.synthesise(source)
        if problem is not None:
            return _verdict(*problem, 1)
        problem = await bench.ports()
        if problem is not None:
            return _verdict(*problem, 2)
        for stage, file in bench.files:
            trace = await bench.simulate(file)
            if not isinstance(trace, Trace):
                return _verdict(*trace, stage)
            want = golden.written if file == _WRITTEN else golden.netlist
            words = await asyncio.to_thread(_mismatch, golden, want, trace)
            if words:
                return _verdict(Status.WRONG, words, stage)
    return _verdict(Status.PASS, "", len(STAGES))


def _verdict(status: Status, detail: str, passed: int) -> Verdict:
    cases = [CaseResult(name, Status.PASS) for name in STAGES[:passed]]
    if passed < len(STAGES):
        cases.append(CaseResult(STAGES[passed], status, detail))
        cases += [CaseResult(name, Status.UNRUN) for name in STAGES[passed + 1 :]]
    return Verdict(tuple(cases), len(STAGES))


class _Bench:
    """One design in one box."""

    def __init__(
        self, box: Sandbox, interface: Interface, stimulus: Stimulus, limits: Limits
    ) -> None:
        self._box = box
        self._interface = interface
        self._stimulus = stimulus
        self._limits = limits
        self.files: tuple[tuple[int, str], ...] = ((3, _WRITTEN), (4, _NETLIST))

    async def synthesise(self, source: str) -> tuple[Status, str] | None:
        """Have Yosys read the design and write its netlist; what is wrong, or None.

        From then on `files` are those to simulate, each with the stage that it is.
        """
        await self._box.write(_WRITTEN, source.encode("utf-8", "replace"))
        await self._box.write("plain.sv", plain(source).encode("utf-8", "replace"))
        script = _SYNTHESIS.format(top=self._interface.module)
        result = await self._run("yosys", "-q", "-p", script)
        warnings = result.error_text
        if result.ok and CONFLICT in warnings:
            # A net cleaned of one of its drivers is written as an assignment to a number, which
            # Icarus does not read: it is written with both of them.
            script = script.replace(" opt_clean;", "")
            result = await self._run("yosys", "-q", "-p", script)
        if not result.ok:
            return _broken(result)
        if all(words in warnings for words in _PAST_A_RANGE):
            self.files = self.files[1:]
        return None

    async def ports(self) -> tuple[Status, str] | None:
        """Compare the ports that Yosys found; what is wrong, or None."""
        text = (await self._box.read("ports.txt", limit=MIB)).decode("utf-8", "replace")
        found = {name: (way, abs(int(a) - int(b)) + 1) for way, a, b, name in _PORT.findall(text)}
        wanted = {port.name: ("input", port.width) for port in self._interface.inputs}
        wanted |= {port.name: ("output", port.width) for port in self._interface.outputs}
        if found == wanted:
            return None
        lines = []
        for name in sorted(found.keys() | wanted.keys()):
            has, wants = found.get(name), wanted.get(name)
            if has != wants:
                lines.append(f"{name}: {_port(has)}, should be {_port(wants)}")
        return Status.WRONG, "\n".join(lines)

    async def simulate(self, file: str) -> Trace | tuple[Status, str]:
        """Drive a file's module alone; its trace, or what is wrong."""
        mark, count = nonce(), reads(self._interface, self._stimulus)
        bench = driver(self._interface, self._stimulus, mark)
        await self._box.write(STIMULUS, self._stimulus.text)
        await self._box.write("bench.sv", bench.encode())
        flags = ("-g2012", "-Wno-timescale", "-s", f"bench_{mark}", "-o", "run.vvp")
        # The bench comes first: no directive of the design's reaches it.
        built = await self._run("iverilog", *flags, "bench.sv", file)
        if not built.ok:
            status, words = _broken(built)
            return status, words.replace(f"bench_{mark}.dut_{mark}", "it").replace(mark, "")
        result = await self._run("vvp", "-n", "run.vvp")
        if not result.ok:
            return ending(result)
        try:
            written = await self._box.read(trace_file(mark), limit=self._limits.file_bytes)
        except UsageError:  # no file: it finished early
            return ending(result)
        trace = await asyncio.to_thread(read_trace, written, self._interface, count)
        return trace or ending(result)

    async def _run(self, *argv: str) -> Result:
        return await run_tool(self._box, *argv, limits=self._limits)


def _broken(result: Result) -> tuple[Status, str]:
    status, detail = ending(result)
    words = (result.error_text or result.text or detail).strip()
    return status, words.replace("plain.sv", "design.sv")[:2000]


def _port(port: tuple[str, int] | None) -> str:
    return "absent" if port is None else f"{port[0]} of {port[1]} bits"


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
