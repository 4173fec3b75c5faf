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


async def run_tool(box: Sandbox, *argv: str, limits: Limits) -> Result:
    """Run one of them.

    Raises:
        Fault: It is not there, which is no design's fault, or the sandbox broke.
    """
    result = await box.exec(argv, limits=limits)
    if result.exit_code == 127:
        raise Fault(f"no {argv[0]} in the sandbox: install Debian's iverilog and yosys")
    return result


def plain(source: str) -> str:
    """The source as Yosys takes it."""
    return _COMB.sub("always @*", source)
