"""Values of the output bits of a circuit in a trace."""

from __future__ import annotations

from typing import NamedTuple

from envgym.sandboxes.graders.verilog.analysis.ports import Interface
from envgym.sandboxes.graders.verilog.tools.testbench import Trace


class Unseen(NamedTuple):
    """A value that an output bit never took; bits are counted from the lowest, 0."""

    port: str
    bit: int
    value: int

    def __str__(self) -> str:
        return f"{self.port}[{self.bit}] is never {self.value}"


def unseen(interface: Interface, trace: Trace) -> list[Unseen]:
    """Values of the outputs that a trace does not show."""
    shown = trace.takes("0"), trace.takes("1")
    found, place = [], 0
    for port in interface.outputs:
        for bit in range(port.width - 1, -1, -1):
            found += [Unseen(port.name, bit, v) for v in (0, 1) if not shown[v][place]]
            place += 1
    return found


def floating(interface: Interface, trace: Trace) -> list[str]:
    """Output bits that nothing drives."""
    always = trace.takes("z") & ~trace.takes("0") & ~trace.takes("1")
    names = [
        f"{port.name}[{bit}]" for port in interface.outputs for bit in range(port.width - 1, -1, -1)
    ]
    return [name for name, floats in zip(names, always, strict=True) if floats]
