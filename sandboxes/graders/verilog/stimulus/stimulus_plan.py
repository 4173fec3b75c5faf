"""Plan of a stimulus: number, kind and length of its runs."""

from __future__ import annotations

from typing import Literal, NamedTuple

from envgym.sandboxes.graders.verilog.analysis.ports import Interface
from envgym.sandboxes.graders.verilog.stimulus.input_patterns import CYCLED_PATTERNS, Pattern

EXHAUSTIVE_BITS = 12
"""Maximum input width of a circuit without a clock that is driven with every input first."""
RESET_ROWS = 4
"""Two clocks at each run's start, so that a synchronous reset sees its edge."""
_AFTER: tuple[Literal["pulses", "none", "free"], ...] = ("pulses", "none", "free")
_KINDS = CYCLED_PATTERNS * len(_AFTER)
_SHORTEST = 2 * RESET_ROWS
_MIN_ROWS = 24  # of a run, however few states a circuit has
_SHORT_RUN_ROWS = 40  # of each short run of a circuit with state
_LONG_RUN_ROWS = 384  # of each long run, at most
_COMBINATIONAL_ROWS = 50  # of each run of a circuit without state and with many inputs
# Hold lengths in rows (half clocks).
_COUNTER_HOLD = 2064  # a counter of ten bits comes round
_STATE_HOLD = 272  # other circuits with state
_WIDE_HOLD = 160  # an operation of several clocks in a wide circuit ends
_MOST_BITS = 250_000  # input and output bits of all rows together
_DEEP = 16  # state bits; with more, no number of rows reaches all states


class Run(NamedTuple):
    """Plan of rows that begin with a reset.

    Attributes:
        pattern: Pattern of the inputs.
        after: Behaviour of resets after the start: active now and then for a row (``pulses``),
            never active, so that deep states are reached (``none``), or, if synchronous, driven
            like other inputs (``free``): Yosys recognises resets that their author regards as
            inputs.
        rows: Number of rows.
        hold: Number of rows for which a steady run's narrow inputs are held.
    """

    pattern: Pattern
    after: Literal["pulses", "none", "free"]
    rows: int
    hold: int = 1


def alike(count: int, rows: int) -> list[Run]:
    """Plan runs of equal length; eighteen cover all combinations of pattern and resets."""
    return [
        Run(Pattern(n % CYCLED_PATTERNS), _AFTER[n // CYCLED_PATTERNS % len(_AFTER)], rows)
        for n in range(count)
    ]


def fitted(
    interface: Interface, state: int | None = None, *, counts: bool = True, share: int = 1
) -> list[Run]:
    """Plan runs whose number and length fit the circuit.

    Eighteen short ones cover all combinations. A circuit with state gets seven long ones, for
    states that are reached late: six as long as it has many transitions, so that it makes all of
    them; one, and one more if it counts, with narrow inputs held for as long as it may take to come
    round. The more bits go in and come out at once, the fewer rows: each is a sample of its own.

    Args:
        interface: Interface of the circuit.
        state: Number of its state bits; None if unknown, which means many if it has a clock.
        counts: Whether it adds or subtracts, so that a state may be a thousand clocks away.
        share: Divisor of the number of rows, for a circuit that is slow to simulate.
    """
    if not state and not (state is None and interface.clock):
        runs = alike(
            _KINDS, _MIN_ROWS if interface.width <= EXHAUSTIVE_BITS else _COMBINATIONAL_ROWS
        )
    else:
        held = _DEEP if state is None else min(state, _DEEP)
        long = min(max(_MIN_ROWS, 8 << min(held + interface.width, _DEEP)), _LONG_RUN_ROWS)
        runs = alike(_KINDS, min(long, _SHORT_RUN_ROWS))
        runs += [
            Run(Pattern.UNIFORM, "pulses", long),
            Run(Pattern.MOSTLY_0, "none", long),
            Run(Pattern.MOSTLY_1, "none", long),
            Run(Pattern.BIASED, "none", long),
            Run(Pattern.BIASED_AGAIN, "free", long),
            Run(Pattern.SERIAL, "none", long),
        ]
        around = (2 << held) + 2 * RESET_ROWS  # rows in which a counter comes back to where it was
        hold = min(around, _STATE_HOLD)
        runs.append(Run(Pattern.STEADY, "none", max(4 * hold, long), hold))
        if counts and around > hold:
            hold = min(around, _COUNTER_HOLD)
            runs.append(Run(Pattern.STEADY, "none", 2 * hold, hold))
    bits = interface.width + sum(port.width for port in interface.outputs)
    part = min(1.0, _MOST_BITS / (bits * sum(run.rows for run in runs)))
    return [_shorter(run, part, share) for run in runs]


def _shorter(run: Run, part: float, share: int) -> Run:
    """Shorten a run; in a wide circuit, holds keep the length of slow operations."""
    hold = max(min(_WIDE_HOLD, run.hold), int(run.hold * part))
    least = hold * (4 if part > 1 / 8 else 2) if run.hold == _STATE_HOLD else _SHORTEST
    rows = max(min(least, run.rows), int(run.rows * part))
    return run._replace(rows=max(_SHORTEST, rows // share), hold=max(1, hold // share))
