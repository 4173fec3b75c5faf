"""Stuck-at designs: golden designs with one output bit fixed, wrong by construction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from envgym.sandboxes.graders.verilog import Golden
from envgym.sandboxes.graders.verilog.tools.wrapper import stuck, wrapped


class StuckDesign(NamedTuple):
    """Golden design with one output bit, counted from the lowest, stuck at a value."""

    port: str
    bit: int
    value: int
    source: str


def stuck_designs(golden: Golden) -> Iterator[StuckDesign]:
    """Stuck-at designs for each output bit and value, except those equal to the golden design.

    It is that where the bit never is anything else, which `cover` saw proven.
    """
    zero, one, floating = (golden.written.takes(value) for value in "01z")
    place = 0
    for port in golden.interface.outputs:
        for bit in range(port.width - 1, -1, -1):
            for value, other in ((0, one), (1, zero)):
                if other[place] or floating[place]:
                    drives = {port.name: stuck(port, {bit: value})}
                    source = wrapped(golden.source, golden.interface, drives)
                    yield StuckDesign(port.name, bit, value, source)
            place += 1
