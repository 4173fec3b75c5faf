"""Interface of a golden design (clocks, edges, resets), read from Yosys' netlist.

CodeV-R1 (arXiv 2505.24183) ships clocks, edges and resets with each of its circuits; other sources
do not, so they are found here: a test bench has to know the clock and resets. Of
each register Yosys says what clocks and what resets it; each of these nets is traced back, through
inverters, to an input.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend
from envgym.sandboxes.graders.verilog.analysis.ports import Interface, Port, Reset
from envgym.sandboxes.graders.verilog.judge import LIMITS
from envgym.sandboxes.graders.verilog.source.preprocess import preprocess
from envgym.sandboxes.graders.verilog.tools.tool_commands import (
    NETLIST,
    PAST_A_RANGE,
    PLAIN,
    WRITE_NETLIST,
    plain,
    synthesis,
)
from envgym.sandboxes.graders.verilog.tools.tool_session import ToolSession, ToolStep
from envgym.sandboxes.limits import Limits
from envgym.utils.thread_call import ThreadCall

_LAST = f"{WRITE_NETLIST}; opt_clean; opt_dff; opt_clean; write_json found.json"
_MODULE = re.compile(r"[A-Za-z_]\w*\Z")
_INVERTERS = {"$not": True, "$logic_not": True, "$pos": False}
# A register's pins that reset it: pin, parameter of its polarity, whether it waits for the clock.
_RESETS = (
    ("ARST", "ARST_POLARITY", False),
    ("SRST", "SRST_POLARITY", True),
    ("CLR", "CLR_POLARITY", False),
    ("SET", "SET_POLARITY", False),
    ("ALOAD", "ALOAD_POLARITY", False),
)


class Examined(NamedTuple):
    """Analysis of a golden design.

    Attributes:
        interface: Its ports, clock and resets.
        netlist: Its flat netlist, for `record_golden`; None if that needs a closer look: the design
            writes past a range, or drives a net twice.
        state: Number of bits in its registers, latches and memories.
        counts: Whether it adds or subtracts.
        fixed: Output bits, counted from the lowest, that are wired to a constant.
    """

    interface: Interface
    netlist: str | None
    state: int
    counts: bool
    fixed: frozenset[tuple[str, int]]


async def analyse(
    backend: Backend, source: str, module: str | None = None, *, limits: Limits = LIMITS
) -> Interface:
    """Return the interface of a golden design; arguments and errors are those of `examine`."""
    async with ToolSession(backend, limits) as tools:
        return (await examine(tools, source, module)).interface


async def examine(
    tools: ToolSession, source: str, module: str | None = None, *, limits: Limits | None = None
) -> Examined:
    """Return the interface of a golden design, and its netlist.

    Args:
        tools: Session that runs Yosys.
        source: Trusted source.
        module: Top module; None selects the one that no other module uses.
        limits: Limits of Yosys, where they are lower than the sandbox's.

    Raises:
        UsageError: Yosys refuses it, or it cannot be graded: it has several clocks, or one that is
            not its own input, or bidirectional ports.
        Fault: The sandbox broke, or a tool is missing.
    """
    made = await ThreadCall(preprocess, {"source": source}, name="verilog-text").result()
    if made.problems:
        line, words = made.problems[0]
        raise UsageError(f"the golden design: line {line}: {words}")
    if module is not None and not _MODULE.match(module):
        raise UsageError(f"{module!r} is no plain Verilog name")
    argv = synthesis("-auto-top" if module is None else f"-top {module}", _LAST)
    files = {PLAIN: plain(made.text).encode("utf-8", "replace")}
    [done] = await tools.run(files, [ToolStep(argv, ("found.json", NETLIST))], limits)
    warnings = done.result.error_text
    if not done.result.ok:
        words = (warnings or done.result.detail).strip()[:1000]
        raise UsageError(f"the golden design: Yosys does not take it: {words}")
    found = _Netlist(json.loads(done.files["found.json"]))
    past_a_range = all(words in warnings for words in PAST_A_RANGE)
    netlist = None if past_a_range else done.files[NETLIST].decode("utf-8", "replace")
    face = found.interface()
    return Examined(face, netlist, found.state(), found.counts(), found.fixed())


class _Netlist:
    """The top module of Yosys' JSON."""

    def __init__(self, netlist: dict[str, Any]) -> None:
        modules = netlist["modules"]
        tops = [name for name, m in modules.items() if "top" in m["attributes"]]
        if not tops:
            raise UsageError("the golden design has no module")
        self._name = tops[0]
        self._ports = modules[self._name]["ports"]
        self._cells = list(modules[self._name]["cells"].values())
        self._memories = modules[self._name].get("memories", {})
        self._inputs = {
            bit: (name, len(port["bits"]))
            for name, port in self._ports.items()
            if port["direction"] == "input"
            for bit in port["bits"]
        }
        self._inverters = {
            cell["connections"]["Y"][0]: (cell["connections"]["A"], _INVERTERS[cell["type"]])
            for cell in self._cells
            if cell["type"] in _INVERTERS and len(cell["connections"]["Y"]) == 1
        }

    def interface(self) -> Interface:
        ways = {name: port["direction"] for name, port in self._ports.items()}
        if both := [name for name, way in ways.items() if way == "inout"]:
            raise UsageError(f"ports that go both ways are not judged: {', '.join(both)}")
        clock, edges = self._clock()
        return Interface(
            self._name,
            tuple(self._port(name) for name, way in ways.items() if way == "input"),
            tuple(self._port(name) for name, way in ways.items() if way == "output"),
            clock,
            tuple(self._resets(clock)),
            edges,
        )

    def state(self) -> int:
        """Number of bits in registers, latches and written memories."""
        registers = sum(len(cell["connections"].get("Q", ())) for cell in self._cells)
        written = {cell["parameters"].get("MEMID", "") for cell in self._cells if _writes(cell)}
        memories = (self._memories[name.removeprefix("\\")] for name in written)
        return registers + sum(memory["width"] * memory["size"] for memory in memories)

    def counts(self) -> bool:
        """Return whether it adds or subtracts."""
        return any(cell["type"] in ("$add", "$sub") for cell in self._cells)

    def fixed(self) -> frozenset[tuple[str, int]]:
        """Output bits that are wired to 0, 1 or x."""
        return frozenset(
            (name, place)
            for name, port in self._ports.items()
            if port["direction"] == "output"
            for place, bit in enumerate(port["bits"])
            if bit in ("0", "1", "x")
        )

    def _port(self, name: str) -> Port:
        return Port(name, len(self._ports[name]["bits"]))

    def _clock(self) -> tuple[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        derived = False
        for bit, rising in self._clocked():
            origin = self._origin(bit)
            if origin is None:
                derived = True
                continue
            name, inverted = origin
            found.setdefault(name, set()).add("neg" if inverted == rising else "pos")
        if len(found) > 1:
            clocks = ", ".join(sorted(found))
            raise UsageError(
                f"a design of {len(found)} clocks ({clocks}) is not judged: one clock can be driven"
            )
        if derived and not found:
            raise UsageError(
                "the clock is made by logic or is a bit of a bus: it has to be an input of its own"
            )
        for name, edges in found.items():
            return name, tuple(sorted(edges, reverse=True))
        return "", ()

    def _clocked(self) -> Iterator[tuple[Any, bool]]:
        """Clock nets of registers and memories, and whether their rising edge is active."""
        for cell in self._cells:
            pins, values = cell["connections"], cell["parameters"]
            for prefix in ("", "RD_", "WR_"):
                pin = pins.get(f"{prefix}CLK")
                if not pin or _value(values.get(f"{prefix}CLK_ENABLE", "1")) == 0:
                    continue
                yield pin[0], bool(_value(values.get(f"{prefix}CLK_POLARITY", "1")))

    def _resets(self, clock: str) -> Iterator[Reset]:
        found: dict[str, set[Reset]] = {}
        for cell in self._cells:
            for pin, polarity, synchronous in _RESETS:
                for bit in cell["connections"].get(pin, ()):
                    origin = self._origin(bit)
                    if origin is None or origin[0] == clock:
                        continue
                    name, inverted = origin
                    high = bool(_value(cell["parameters"][polarity])) != inverted
                    found.setdefault(name, set()).add(Reset(name, high, synchronous))
        for name in self._ports:
            uses = found.get(name, set())
            if len({reset.active_high for reset in uses}) == 1:
                yield min(uses, key=lambda reset: reset.synchronous)

    def _origin(self, bit: Any) -> tuple[str, bool] | None:
        """Input behind one bit of a net, and whether it is inverted on the way."""
        inverted = False
        while bit in self._inverters:
            source, turns = self._inverters[bit]
            if len(source) != 1:
                return None
            bit, inverted = source[0], inverted != turns
        name, width = self._inputs.get(bit, ("", 0))
        return (name, inverted) if width == 1 else None


def _writes(cell: dict[str, Any]) -> bool:
    return bool(cell["type"].startswith("$memwr"))


def _value(bits: str | int) -> int:
    return int(str(bits).replace("x", "0") or "0", 2)
