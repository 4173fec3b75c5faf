"""Through how many runs a circuit is driven, of which kind, how long."""

from __future__ import annotations

from typing import Literal, NamedTuple

from envgym.sandboxes.graders.verilog.drawing import MANNERS, MOSTLY_0, MOSTLY_1, OPPOSITE, STEADY
from envgym.sandboxes.graders.verilog.interface import Interface

RESET_ROWS = 4
"""Two clocks at each run's start, so that a synchronous reset sees its edge."""
_AFTER: tuple[Literal["pulses", "none", "free"], ...] = ("pulses", "none", "free")
_KINDS = MANNERS * len(_AFTER)
_SHORTEST = 2 * RESET_ROWS
_LEAST, _SHORT, _LONG, _LONGEST = 32, 64, 512, 2048
_STATELESS = 50
_MOST_BITS = 250_000
_DEEP = 16  # bits of state from which on no number of rows meets all states


class Run(NamedTuple):
    """Rows that begin with a reset.

    Attributes:
        manner: How inputs are drawn; see `drawing`.
        after: What resets do after the start: come now and then for a row (``pulses``), stay away
            so that deep states are reached (``none``), or, the synchronous ones, are inputs like
            others (``free``): Yosys calls many an input a reset that is none to its author.
        rows: How many.
    """

    manner: int
    after: Literal["pulses", "none", "free"]
    rows: int


def alike(count: int, rows: int) -> list[Run]:
    """So many runs of so many rows; eighteen go through all kinds."""
    return [Run(n % MANNERS, _AFTER[n // MANNERS % len(_AFTER)], rows) for n in range(count)]


def fitted(interface: Interface, state: int | None = None, *, share: int = 1) -> list[Run]:
    """Runs as many and as long as a circuit needs.

    Eighteen short ones go through all kinds. A circuit with state gets six long ones, for states
    that are reached late: four of them with all that it does in proportion to its transitions, and
    two in which inputs of one bit never change, for what counts as long as it is let. The more bits
    go in and come out at once, the fewer rows: each is a sample of its own.

    Args:
        interface: The circuit's.
        state: Bits that it holds; None where nobody counted, which is many if it has a clock.
        share: One of so many of these rows, for a circuit that is slow to simulate.
    """
    if not state and not (state is None and interface.clock):
        runs = alike(_KINDS, _STATELESS)
    else:
        held = _DEEP if state is None else min(state, _DEEP)
        states, transitions = 2 << held, 8 << min(held + interface.width, _DEEP)
        runs = alike(_KINDS, min(max(_LEAST, transitions), _SHORT))
        long = min(max(_LEAST, transitions), _LONG)
        runs += [Run(manner, "none", long) for manner in (MOSTLY_0, MOSTLY_1, 4, 5)]
        steady = min(max(_LEAST, states), _LONGEST)
        runs += [Run(manner, "none", steady) for manner in (STEADY, OPPOSITE)]
    bits = interface.width + sum(port.width for port in interface.outputs)
    part = min(1.0, _MOST_BITS / (bits * sum(run.rows for run in runs))) / share
    return [run._replace(rows=max(_SHORTEST, int(run.rows * part))) for run in runs]
