"""Commands of Icarus and Yosys in a sandbox, and the text of their errors."""

from __future__ import annotations

import re

from envgym.errors import Fault
from envgym.sandboxes.base import Sandbox
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Result

# Yosys takes a latch in an `always_comb` for an error, also where no input reaches it.
_COMB = re.compile(r"\balways_comb\b")

CONFLICT = "Driver-driver conflict"
"""Yosys' warning of a net with two drivers, one of them constant; it keeps one of them."""

PAST_A_RANGE = ("select out of bounds", "Ignoring assignment to constant bits")
"""Its warnings of a design that writes past a range."""

DESIGN, PLAIN, NETLIST, BENCH = "design.sv", "plain.sv", "netlist.v", "testbench.sv"
_RESET = (
    "Synthesis knows a register with an asynchronous reset by this form alone: always @(posedge "
    "clk or negedge rst_n) if (!rst_n) q <= CONSTANT; else q <= …; with nothing before or behind "
    "that if. Each edge but the clock's is tested by an if of its own: no ?: stands for one, and a "
    "signal that is not tested is left out of the list."
)
_ADVICE = {
    "Multiple edge sensitive events found for this signal": _RESET,
    "Missing edge-sensitive event for this signal": _RESET,
    "Async reset value": "An asynchronous reset sets a register to a constant.",
    "non-synthesizable event list": (
        "An always block waits for edges alone, or for levels alone: @(posedge clk …) or @*."
    ),
}
SIMULATOR = ("vvp", "-n", "/dev/stdin")
WRITE_NETLIST = f"write_verilog -noattr {NETLIST}"


async def run_tool(box: Sandbox, *argv: str, limits: Limits) -> Result:
    """Run one tool.

    Raises:
        Fault: The tool is missing, which is no design's fault, or the sandbox broke.
    """
    result = await box.exec(argv, limits=limits)
    if result.exit_code == 127:
        raise absent(argv[0])
    return result


def absent(name: str) -> Fault:
    """Error for a missing tool."""
    return Fault(f"no {name} in the sandbox: install Debian's iverilog and yosys")


def plain(source: str) -> str:
    """Preprocessed source for Yosys."""
    return _COMB.sub("always @*", source)


def timed(text: str) -> str:
    """Preprocessed source for Icarus.

    Delays are no part of a circuit, and no synthesis reads them: their unit is so short that usual
    ones are over long before any reading. Errors carry the source's own line numbers.
    """
    return f'`default_nettype wire\n`timescale 10ps/1ps\n`line 1 "{DESIGN}" 0\n{text}'


def timed_bench(text: str) -> str:
    """An agent's preprocessed test bench for Icarus, to precede a `timed` design."""
    return f'`timescale 1ns/1ps\n`line 1 "{BENCH}" 0\n{text}'


def explained(words: str) -> str:
    """Message of Yosys with the fix, where it is known."""
    advice = [advice for told, advice in _ADVICE.items() if told in words]
    return "\n".join([words, *advice])


def synthesis(top: str, last: str) -> tuple[str, ...]:
    """Yosys command that reads ``plain.sv`` and makes one flat module of gates and registers.

    It cleans nothing, because that costs as much as ``proc`` and a simulator minds no extra nets.
    Cleaning a net of one of its two drivers would also write an assignment to a number.

    Args:
        top: ``-top NAME`` or ``-auto-top``.
        last: Yosys commands to run at the end.
    """
    script = f"read_verilog -sv {PLAIN}; hierarchy -check {top}; proc; flatten; {last}"
    return ("yosys", "-q", "-p", script)
