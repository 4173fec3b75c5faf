"""Ports of a circuit, and the purpose of its clock and reset inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from envgym.errors import UsageError

_NAME = re.compile(r"[A-Za-z_]\w*\Z")


@dataclass(frozen=True)
class Port:
    """A port, by name, with its width in bits."""

    name: str
    width: int = 1


@dataclass(frozen=True)
class Reset:
    """A reset input.

    Attributes:
        name: Name of the input.
        active_high: Whether 1 resets.
        synchronous: Whether it waits for the clock. Its author may regard it as an ordinary input,
            so some runs drive it as one.
    """

    name: str
    active_high: bool = True
    synchronous: bool = False


@dataclass(frozen=True)
class Interface:
    """Ports of a module, and the purpose of some of its inputs.

    Attributes:
        module: Name of the module.
        inputs: All inputs, the clock and the resets too.
        outputs: All outputs.
        clock: Name of the clock; empty for a circuit without one. Both of its edges are driven.
        resets: Reset inputs: active for two whole clocks at each run's start, and now and then for
            half a clock.
        edges: Active edges of the clock, ``pos`` and ``neg``; empty if unknown.
    """

    module: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    clock: str = ""
    resets: tuple[Reset, ...] = ()
    edges: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [port.name for port in (*self.inputs, *self.outputs)]
        for name in (self.module, *names):
            if not _NAME.match(name):
                raise UsageError(f"{name!r} is no plain Verilog name")
        if len(set(names)) < len(names) or not self.outputs:
            raise UsageError("a circuit needs an output, and ports of different names")
        if any(port.width < 1 for port in (*self.inputs, *self.outputs)):
            raise UsageError("a port is at least one bit wide")
        widths = {port.name: port.width for port in self.inputs}
        for name in (self.clock, *(reset.name for reset in self.resets)):
            if name and widths.get(name) != 1:
                raise UsageError(f"{name!r} has to be an input of one bit")

    @property
    def driven(self) -> tuple[Port, ...]:
        """Inputs in a row of stimulus: all but the clock, the first one leftmost."""
        return tuple(port for port in self.inputs if port.name != self.clock)

    @property
    def width(self) -> int:
        """Number of bits of a row of stimulus."""
        return sum(port.width for port in self.driven)

    def to_json(self) -> dict[str, Any]:
        """Encode as JSON values; `from_json` decodes them."""
        row = asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in row.items()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Interface:
        """Decode the values of `to_json`."""
        return cls(
            row["module"],
            tuple(Port(**port) for port in row["inputs"]),
            tuple(Port(**port) for port in row["outputs"]),
            row["clock"],
            tuple(Reset(**reset) for reset in row["resets"]),
            tuple(row["edges"]),
        )
