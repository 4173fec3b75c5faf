"""One design through the tools: what each stage of the judge finds of it, in order.

Most designs take one run of the tools: Yosys writes the netlist, and Icarus drives source and
netlist in one simulation, each with wires of its own; neither can name the other, for the netlist's
name and all of the bench's hold a nonce. Where that gives no whole pair of traces, each is built
and driven alone, and what is wrong with it is told.
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
    Done,
    Elaboration,
    Simulation,
    Step,
    ToolBox,
)
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Result

STAGES = ("rules", "synthesis", "ports", "simulation", "netlist")
_SYNTHESIS, _PORTS, _WRITTEN, _NETLIST = range(1, 5)
_BENCH, _PROGRAM, _FOUND = "bench.sv", "run.vvp", "ports.txt"
_HIDDEN = (_BENCH, DESIGN, PLAIN, NETLIST, "ivl.conf")
_PORT = re.compile(r"(input|output|inout) \[(-?\d+):(-?\d+)\] (\S+)")


class Stage(NamedTuple):
    """What a stage found: a trace, or what is wrong; then it is the last one.

    Attributes:
        number: Its place in STAGES.
    """

    number: int
    trace: Trace | None = None
    status: Status = Status.PASS
    words: str = ""

    @property
    def of_netlist(self) -> bool:
        """Whether it is about the netlist, not about the source as it was written."""
        return self.number == _NETLIST


class Trial:
    """A design on trial.

    Args:
        tools: Where it is tried.
        source: Its text, preprocessed: the same for every tool.
        netlist: What `examine` made of it: it is not synthesised again.
        limits: Of all tools of a run together.
    """

    def __init__(
        self,
        tools: ToolBox,
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

    async def stages(self) -> AsyncIterator[Stage]:
        """The stages from synthesis on.

        Raises:
            Fault: The sandbox broke, or a tool is not there.
        """
        past_a_range = False
        done = await self._together()
        if self._given is None:
            warnings = done[0].result.error_text
            if not done[0].result.ok:
                status, words = _broken(done[0].result)
                yield Stage(_SYNTHESIS, None, status, explained(words))
                return
            if wrong := self._wrong_ports(done[0].files.get(_FOUND, b"")):
                yield Stage(_PORTS, None, Status.WRONG, wrong)
                return
            past_a_range = all(words in warnings for words in PAST_A_RANGE)
        traces = self._traces(done[-1], 2) or (None, None)
        for number, trace in zip((_WRITTEN, _NETLIST), traces, strict=True):
            if number == _WRITTEN and past_a_range:
                continue
            stage = Stage(number, trace) if trace is not None else await self._alone(number)
            yield stage
            if stage.trace is None:
                return

    async def _together(self) -> list[Done]:
        """Synthesise, and drive source and netlist at once."""
        netlist = self._netlist
        files = {**self._files, _BENCH: self._bench(self._interface.module, netlist)}
        steps = [self._synthesis] if self._given is None else []
        if self._given is not None:
            head = f"module {self._interface.module}("
            files[NETLIST] = self._given.replace(head, f"module {netlist}(", 1).encode()
        # The bench comes first, the design last: no directive of the design's reaches another.
        return await self._run(files, [*steps, self._compile(_BENCH, NETLIST, DESIGN)])

    async def _alone(self, number: int) -> Stage:
        """Drive the source or the netlist, and nothing else."""
        steps, source, module = [], DESIGN, self._interface.module
        if number == _NETLIST:
            steps, source, module = [self._synthesis], NETLIST, self._netlist
        files = {**self._files, _BENCH: self._bench(module)}
        done = await self._run(files, [*steps, self._build(_BENCH, source)])
        traces = self._traces(done[-1], 1)
        if traces is not None:
            return Stage(number, traces[0])
        if len(done) > len(steps) + 1:  # it was built
            return Stage(number, None, *ending(done[-1].result))
        status, words = _broken(done[-1].result)
        words = words.replace(f"bench_{self._mark}.dut_0_{self._mark}", "it")
        return Stage(number, None, status, words.replace(self._mark, ""))

    async def _run(self, files: dict[str, bytes], steps: Sequence[Step]) -> list[Done]:
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
    def _synthesis(self) -> Step:
        top = self._interface.module
        last = f"tee -q -o {_FOUND} portlist {top}; rename {top} {self._netlist}"
        return Step(synthesis(f"-top {top}", f"{last}; {WRITE_NETLIST}"), (_FOUND,))

    def _compile(self, *sources: str) -> Step:
        """Icarus' compiler, without its driver: that says more, and costs more."""
        return Elaboration(top=f"bench_{self._mark}", out=_PROGRAM, sources=sources)

    def _build(self, *sources: str) -> Step:
        flags = ("-g2012", "-Wno-timescale", "-s", f"bench_{self._mark}", "-o", _PROGRAM)
        return Step(("iverilog", *flags, *sources))

    def _bench(self, *modules: str) -> bytes:
        return driver(self._interface, self._stimulus, self._mark, modules).encode()

    def _traces(self, done: Done, modules: int) -> tuple[Trace, ...] | None:
        written = done.files.get(trace_file(self._mark))
        if written is None or not done.result.ok:
            return None
        return read_traces(written, self._interface, len(self._stimulus.rows), modules)

    def _wrong_ports(self, told: bytes) -> str:
        """Which ports are not the interface's; empty where all are."""
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
