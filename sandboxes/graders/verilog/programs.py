"""Icarus and Yosys as programs in a box: what holds wherever they are called."""

from __future__ import annotations

import re

from envgym.errors import Fault
from envgym.sandboxes.base import Sandbox
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Result

# Yosys takes a latch in an `always_comb` for an error, also where no input reaches it.
_COMB = re.compile(r"\balways_comb\b")

CONFLICT = "Driver-driver conflict"
"""Yosys' warning of a net with two drivers, one of them constant: it goes on with one of them."""

PAST_A_RANGE = ("select out of bounds", "Ignoring assignment to constant bits")
"""Its warnings of a design that writes past a range."""

PLAIN, NETLIST = "plain.sv", "netlist.v"
WRITE_NETLIST = f"write_verilog -noattr {NETLIST}"


async def run_tool(box: Sandbox, *argv: str, limits: Limits) -> Result:
    """Run one of them.

    Raises:
        Fault: It is not there, which is no design's fault, or the sandbox broke.
    """
    result = await box.exec(argv, limits=limits)
    if result.exit_code == 127:
        raise absent(argv[0])
    return result


def absent(name: str) -> Fault:
    """What is raised where a tool is not there."""
    return Fault(f"no {name} in the sandbox: install Debian's iverilog and yosys")


def plain(source: str) -> str:
    """The source as Yosys takes it."""
    return _COMB.sub("always @*", source)


def synthesis(top: str, last: str) -> tuple[str, ...]:
    """Yosys, as it reads ``plain.sv`` and makes one flat module of gates and registers of it.

    It cleans nothing: that costs as much as ``proc``, and a simulator minds no net too many. A net
    cleaned of one of its two drivers would be written as an assignment to a number, moreover.

    Args:
        top: ``-top NAME`` or ``-auto-top``.
        last: What it does with that.
    """
    script = f"read_verilog -sv {PLAIN}; hierarchy -check {top}; proc; flatten; {last}"
    return ("yosys", "-q", "-p", script)
