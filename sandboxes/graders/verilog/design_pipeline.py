"""Pipeline of one design through the tools, with a result per stage of the judge.

Most designs take one run of the tools: Yosys writes the netlist, and Icarus drives source and
netlist in one simulation, each with its own wires. Neither can name the other, because the
netlist's name and all names of the bench contain a nonce. If that gives no complete pair of traces,
each is built and driven alone, and the first error is reported.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from envgym.sandboxes.graders.nonce_protocol import nonce
from envgym.sandboxes.graders.solution_proxy import ending
from envgym.sandboxes.graders.verdict import Status
from envgym.sandboxes.graders.verilog.analysis.ports import Interface
from envgym.sandboxes.graders.verilog.source.lint import FUNCTIONS
from envgym.sandboxes.graders.verilog.stimulus.stimulus import Stimulus
from envgym.sandboxes.graders.verilog.tools.testbench import (
    CALLS,
    STIMULUS,
    Trace,
    driver,
    read_traces,
    trace_file,
)
from envgym.sandboxes.graders.verilog.tools.tool_commands import (
    DESIGN,
    NETLIST,
    PAST_A_RANGE,
    PLAIN,
    WRITE_NETLIST,
    explained,
    plain,
    synthesis,
    timed,
)
from envgym.sandboxes.graders.verilog.tools.tool_session import (
    Elaboration,
    Simulation,
    StepResult,
    ToolSession,
    ToolStep,
)
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Result

STAGES = ("rules", "synthesis", "ports", "simulation", "netlist")
_SYNTHESIS, _PORTS, _WRITTEN, _NETLIST = range(1, 5)
_BENCH, _PROGRAM, _FOUND = "bench.sv", "run.vvp", "ports.txt"
_HIDDEN = (_BENCH, DESIGN, PLAIN, NETLIST, "ivl.conf")
_PORT = re.compile(r"(input|output|inout) \[(-?\d+):(-?\d+)\] (\S+)")


class StageResult(NamedTuple):
    """Result of a stage: a trace, or an error, which makes it the last one.

    Attributes:
        number: Index of the stage in STAGES.
    """

    number: int
    trace: Trace | None = None
    status: Status = Status.PASS
    words: str = ""

    @property
    def of_netlist(self) -> bool:
        """Return whether the result is about the netlist, not about the source."""
        return self.number == _NETLIST


class DesignPipeline:
    """Run of one design through synthesis and simulation.

    Args:
        tools: Session that runs the tools.
        source: Preprocessed source: the same for every tool.
        netlist: Netlist from `examine`; the design is then not synthesised again.
        limits: Limits of all tools of a run together.
    """

    def __init__(
        self,
        tools: ToolSession,
        source: str,
        interface: Interface,
        stimulus: Stimulus,
        *,
        netlist: str | None = None,
        limits: Limits,
    ) -> None:
        self._tools = tools
        self._interface = interface
        self._stimulus = stimulus
        self._limits = limits
        self._given = netlist
        self._mark = nonce()
        self._files = {
            DESIGN: timed(source).encode("utf-8", "replace"),
            PLAIN: plain(source).encode("utf-8", "replace"),
            STIMULUS: stimulus.text,
        }

    async def stages(self) -> AsyncIterator[StageResult]:
        """Yield the result of each stage from synthesis on.

        Raises:
            Fault: The sandbox broke, or a tool is missing.
        """
        past_a_range = False
        done = await self._together()
        if self._given is None:
            warnings = done[0].result.error_text
            if not done[0].result.ok:
                status, words = _broken(done[0].result)
                yield StageResult(_SYNTHESIS, None, status, explained(words))
                return
            if wrong := self._wrong_ports(done[0].files.get(_FOUND, b"")):
                yield StageResult(_PORTS, None, Status.WRONG, wrong)
                return
            past_a_range = all(words in warnings for words in PAST_A_RANGE)
        traces = self._traces(done[-1], 2) or (None, None)
        for number, trace in zip((_WRITTEN, _NETLIST), traces, strict=True):
            if number == _WRITTEN and past_a_range:
                continue
            stage = StageResult(number, trace) if trace is not None else await self._alone(number)
            yield stage
            if stage.trace is None:
                return

    async def _together(self) -> list[StepResult]:
        """Synthesise, and drive source and netlist at once."""
        netlist = self._netlist
        files = {**self._files, _BENCH: self._bench(self._interface.module, netlist)}
        steps = [self._synthesis] if self._given is None else []
        if self._given is not None:
            head = f"module {self._interface.module}("
            files[NETLIST] = self._given.replace(head, f"module {netlist}(", 1).encode()
        # The bench comes first, the design last: no directive of the design's reaches another.
        return await self._run(files, [*steps, self._compile(_BENCH, NETLIST, DESIGN)])

    async def _alone(self, number: int) -> StageResult:
        """Drive the source or the netlist, and nothing else."""
        steps, source, module = [], DESIGN, self._interface.module
        if number == _NETLIST:
            steps, source, module = [self._synthesis], NETLIST, self._netlist
        files = {**self._files, _BENCH: self._bench(module)}
        done = await self._run(files, [*steps, self._build(_BENCH, source)])
        traces = self._traces(done[-1], 1)
        if traces is not None:
            return StageResult(number, traces[0])
        if len(done) > len(steps) + 1:  # it was built
            return StageResult(number, None, *ending(done[-1].result))
        status, words = _broken(done[-1].result)
        words = words.replace(f"bench_{self._mark}.dut_0_{self._mark}", "it")
        return StageResult(number, None, status, words.replace(self._mark, ""))

    async def _run(self, files: dict[str, bytes], steps: Sequence[ToolStep]) -> list[StepResult]:
        simulation = Simulation(
            gives=(trace_file(self._mark),),
            program=_PROGRAM,
            hides=_HIDDEN,
            once=CALLS,
            may=FUNCTIONS,
        )
        return await self._tools.run(files, [*steps, simulation], self._limits)

    @property
    def _netlist(self) -> str:
        return f"netlist_{self._mark}"

    @property
    def _synthesis(self) -> ToolStep:
        top = self._interface.module
        last = f"tee -q -o {_FOUND} portlist {top}; rename {top} {self._netlist}"
        return ToolStep(synthesis(f"-top {top}", f"{last}; {WRITE_NETLIST}"), (_FOUND,))

    def _compile(self, *sources: str) -> ToolStep:
        """Compile with Icarus' compiler, without its driver, which reports more and costs more."""
        return Elaboration(top=f"bench_{self._mark}", out=_PROGRAM, sources=sources)

    def _build(self, *sources: str) -> ToolStep:
        flags = ("-g2012", "-Wno-timescale", "-s", f"bench_{self._mark}", "-o", _PROGRAM)
        return ToolStep(("iverilog", *flags, *sources))

    def _bench(self, *modules: str) -> bytes:
        return driver(self._interface, self._stimulus, self._mark, modules).encode()

    def _traces(self, done: StepResult, modules: int) -> tuple[Trace, ...] | None:
        written = done.files.get(trace_file(self._mark))
        if written is None or not done.result.ok:
            return None
        return read_traces(written, self._interface, len(self._stimulus.rows), modules)

    def _wrong_ports(self, told: bytes) -> str:
        """Message about ports that differ from the interface's; empty if none does."""
        text = told.decode("utf-8", "replace")
        found = {name: (way, abs(int(a) - int(b)) + 1) for way, a, b, name in _PORT.findall(text)}
        wanted = {port.name: ("input", port.width) for port in self._interface.inputs}
        wanted |= {port.name: ("output", port.width) for port in self._interface.outputs}
        lines = []
        for name in sorted(found.keys() | wanted.keys()):
            has, wants = found.get(name), wanted.get(name)
            if has != wants:
                lines.append(f"{name}: {_port(has)}, should be {_port(wants)}")
        return "\n".join(lines)


def _broken(result: Result) -> tuple[Status, str]:
    status, detail = ending(result)
    words = (result.error_text or result.text or detail).strip()
    return status, words.replace(PLAIN, DESIGN)[:2000]


def _port(port: tuple[str, int] | None) -> str:
    return "absent" if port is None else f"{port[0]} of {port[1]} bits"
