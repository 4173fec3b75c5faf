"""Through how many runs a circuit is driven, of which kind, how long."""

from __future__ import annotations

from typing import Literal, NamedTuple

from envgym.sandboxes.graders.verilog.analysis.ports import Interface
from envgym.sandboxes.graders.verilog.stimulus.input_patterns import (
    BIASED,
    MANNERS,
    MOSTLY_0,
    MOSTLY_1,
    SPELLED,
    STEADY,
    UNIFORM,
)

EXHAUSTIVE_BITS = 12
"""Of inputs that a circuit without a clock sees every one of, before any run."""
RESET_ROWS = 4
"""Two clocks at each run's start, so that a synchronous reset sees its edge."""
_AFTER: tuple[Literal["pulses", "none", "free"], ...] = ("pulses", "none", "free")
_KINDS = MANNERS * len(_AFTER)
_SHORTEST = 2 * RESET_ROWS
_LEAST, _SHORT, _LONG, _STATELESS = 24, 40, 384, 50
# Inputs are held for a counter of ten bits, for other circuits with state, for a wide one's rounds.
_COUNTED, _HELD, _DONE = 2064, 272, 160
_MOST_BITS = 250_000  # in and out, of all rows
_DEEP = 16  # bits of state from which on no number of rows meets all states


class Run(NamedTuple):
    """Rows that begin with a reset.

    Attributes:
        manner: How inputs are drawn; see `drawing`.
        after: What resets do after the start: come now and then for a row (``pulses``), stay away
            so that deep states are reached (``none``), or, the synchronous ones, are inputs like
            others (``free``): Yosys calls many an input a reset that is none to its author.
        rows: How many.
        hold: Rows for which a steady run's narrow inputs stay.
    """

    manner: int
    after: Literal["pulses", "none", "free"]
    rows: int
    hold: int = 1


def alike(count: int, rows: int) -> list[Run]:
    """So many runs of so many rows; eighteen go through all kinds."""
    return [Run(n % MANNERS, _AFTER[n // MANNERS % len(_AFTER)], rows) for n in range(count)]


def fitted(
    interface: Interface, state: int | None = None, *, counts: bool = True, share: int = 1
) -> list[Run]:
    """Runs as many and as long as a circuit needs.

    Eighteen short ones go through all kinds. A circuit with state gets seven long ones, for states
    that are reached late: in six, as long as its transitions are many, it does all that it does;
    in one, and one more if it counts, narrow inputs stay as they are for as long as it may take to
    come round. The more bits go in and come out at once, the fewer rows: each is a sample of its
    own.

    Args:
        interface: The circuit's.
        state: Bits that it holds; None where nobody counted, which is many if it has a clock.
        counts: Whether it adds or subtracts, so that a state may be a thousand clocks away.
        share: One of so many of these rows, for a circuit that is slow to simulate.
    """
    if not state and not (state is None and interface.clock):
        runs = alike(_KINDS, _LEAST if interface.width <= EXHAUSTIVE_BITS else _STATELESS)
    else:
        held = _DEEP if state is None else min(state, _DEEP)
        long = min(max(_LEAST, 8 << min(held + interface.width, _DEEP)), _LONG)
        runs = alike(_KINDS, min(long, _SHORT))
        runs += [
            Run(UNIFORM, "pulses", long),
            Run(MOSTLY_0, "none", long),
            Run(MOSTLY_1, "none", long),
            Run(BIASED[0], "none", long),
            Run(BIASED[1], "free", long),
            Run(SPELLED, "none", long),
        ]
        around = (2 << held) + 2 * RESET_ROWS  # rows in which a counter comes back to where it was
        hold = min(around, _HELD)
        runs.append(Run(STEADY, "none", max(4 * hold, long), hold))
        if counts and around > hold:
            hold = min(around, _COUNTED)
            runs.append(Run(STEADY, "none", 2 * hold, hold))
    bits = interface.width + sum(port.width for port in interface.outputs)
    part = min(1.0, _MOST_BITS / (bits * sum(run.rows for run in runs)))
    return [_shorter(run, part, share) for run in runs]


def _shorter(run: Run, part: float, share: int) -> Run:
    """A part of it; what takes its time in a wide circuit is let take it."""
    hold = max(min(_DONE, run.hold), int(run.hold * part))
    least = hold * (4 if part > 1 / 8 else 2) if run.hold == _HELD else _SHORTEST
    rows = max(min(least, run.rows), int(run.rows * part))
    return run._replace(rows=max(_SHORTEST, rows // share), hold=max(1, hold // share))
