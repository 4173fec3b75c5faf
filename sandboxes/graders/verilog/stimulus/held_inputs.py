"""Stimulus for deep states: find how long inputs have to be held until an output changes.

A watchdog fires, and a divider toggles, thousands of clocks after any other event. A test bench
holds inputs, each after a different pulse, and records when bits change for the first time. The
resulting rows wait for that long (`Stimulus.waits`) and are read around that clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import NamedTuple

from envgym.sandboxes.graders.nonce_protocol import nonce
from envgym.sandboxes.graders.verilog.analysis.ports import Interface
from envgym.sandboxes.graders.verilog.analysis.toggles import Unseen
from envgym.sandboxes.graders.verilog.stimulus.input_patterns import Resets, bit_offsets
from envgym.sandboxes.graders.verilog.stimulus.stimulus import Stimulus
from envgym.sandboxes.graders.verilog.stimulus.stimulus_plan import RESET_ROWS
from envgym.sandboxes.graders.verilog.tools.testbench import instance
from envgym.sandboxes.graders.verilog.tools.tool_commands import timed
from envgym.sandboxes.graders.verilog.tools.tool_session import ToolSession, ToolStep
from envgym.sandboxes.limits import Limits

_ROUNDS = ((1 << 12, 64), (1 << 15, 32), (1 << 17, 8), (1 << 20, 2))
"""Hold lengths in clocks, and the maximum number of pulses tried for each."""
_AROUND = 8  # half clocks read before a change, and as many after it
_BEFORE = 16  # clocks before the hold: an input may be an unrecognised reset
_DEEP = 512  # half clocks; after a later change the pattern is held on
_LATER = 64  # half clocks by which a second change may be later than twice the first
_ONWARD = 2  # number of patterns held on
_FEW = 4  # maximum number of one-bit inputs for every combination of them to be held
_DESIGN, _BENCH, _PROGRAM, _PATTERNS, _SEEN = "design.sv", "held.sv", "held.vvp", "held.txt", "seen"


class _Pattern(NamedTuple):
    """Rows of the first clocks after the reset, and the row held from then on."""

    before: tuple[int, ...]
    held: int


class _Change(NamedTuple):
    """First change of a bit under a pattern, at a half clock of the hold."""

    pattern: _Pattern
    step: int


async def held_stimulus(
    tools: ToolSession, source: str, interface: Interface, gaps: Sequence[Unseen], *, limits: Limits
) -> list[Stimulus]:
    """Find rows under which the golden design takes some of these values; empty if none are found.

    The first stimulus waits on after a change, because a divider has to fall as it rose; the
    second, for a design that is slow to simulate, does not.

    Raises:
        Fault: The sandbox broke, or a tool is missing.
    """
    patterns = list(islice(_patterns(interface), max(count for _, count in _ROUNDS)))
    left, changes = list(gaps), []
    for clocks, count in _ROUNDS:
        found = await _changes(tools, source, interface, left, patterns[:count], clocks, limits)
        if found is None:
            break
        seen, more = found
        changes += more
        left = [gap for gap in left if gap not in seen]
        if not left:
            break
    return [_rows(interface, changes, on) for on in (_ONWARD, 0)] if changes else []


def _patterns(interface: Interface) -> Iterator[_Pattern]:
    """Inputs held after random ones, then after a pulse of others; wide inputs take corners too."""
    draw, at, calm = random.Random(0), bit_offsets(interface), Resets(interface).none
    single = _single(interface)
    wide = [p for p in interface.driven if p.width > 1]
    ones = sum(((1 << port.width) - 1) << at[port.name] for port in wide)
    corners = (0, ones, sum(1 << at[port.name] for port in wide))

    def levels() -> Iterator[int]:
        if len(single) <= _FEW:
            for values in product((0, 1), repeat=len(single)):
                yield sum(v << at[name] for v, name in zip(values, single, strict=True))
            return
        every = sum(1 << at[name] for name in single)
        yield from (0, every)
        for name in single:
            yield from (1 << at[name], every & ~(1 << at[name]))

    def pattern(pulse: int, held: int) -> _Pattern:
        before = [draw.getrandbits(max(interface.width, 1)) for _ in range(_BEFORE - 1)]
        return _Pattern(tuple(calm.put(row) for row in (*before, pulse)), calm.put(held))

    held = list(levels())
    alone = [level | corner for corner in corners for level in held]
    pairs = {(row, row): None for row in alone}
    for _ in range(1 << 10):
        bits = draw.choice([*corners, *2 * [draw.getrandbits(max(interface.width, 1)) & ones]])
        pairs[draw.choice(held) | bits, draw.choice(held) | bits] = None
    for pulse, row in pairs:
        yield pattern(pulse, row)


def _single(interface: Interface) -> list[str]:
    resets = {reset.name for reset in interface.resets}
    return [p.name for p in interface.driven if p.width == 1 and p.name not in resets]


async def _changes(
    tools: ToolSession,
    source: str,
    interface: Interface,
    gaps: Sequence[Unseen],
    patterns: Sequence[_Pattern],
    clocks: int,
    limits: Limits,
) -> tuple[set[Unseen], list[_Change]] | None:
    """The closed gaps, and their changes; None if the simulation did not end."""
    mark = nonce()
    words = [f"{row:x}\n" for pattern in patterns for row in (*pattern.before, pattern.held)]
    files = {
        _DESIGN: timed(source).encode(),
        _BENCH: _bench(interface, gaps, len(patterns), clocks, mark).encode(),
        _PATTERNS: "".join(words).encode(),
    }
    flags = ("-g2012", "-Wno-timescale", "-s", f"bench_{mark}", "-o", _PROGRAM)
    steps = [
        ToolStep(("iverilog", *flags, _BENCH, _DESIGN)),
        ToolStep(("vvp", "-n", _PROGRAM), gives=(_SEEN,)),
    ]
    done = await tools.run(files, steps, limits)
    if len(done) < len(steps) or not done[-1].result.ok:
        return None
    closed, changes = set(), []
    for line in done[-1].files.get(_SEEN, b"").split(b"\n")[:-1]:
        pattern, step, gap = map(int, line.split())
        closed.add(gaps[gap])
        changes.append(_Change(patterns[pattern], step))
    return closed, changes


def _bench(
    interface: Interface, gaps: Sequence[Unseen], patterns: int, clocks: int, mark: str
) -> str:
    """Source of the bench: per pattern a reset, the first clocks, then the hold."""
    width = max(interface.width, 1)
    wires, made, _ = instance(interface, interface.module, f"0_{mark}", mark)
    subsets = Resets(interface).subsets
    reset = subsets[0].put(0) & ((1 << width) - 1) if subsets else 0
    outputs = {port.name: port.width for port in interface.outputs}
    watched: list[str] = []
    wanted: list[str] = []
    for gap in gaps:
        name = f"out_{gap.port}_0_{mark}"
        watched.insert(0, f"{name}[{gap.bit}]" if outputs[gap.port] > 1 else name)
        wanted.insert(0, str(gap.value))
    body = "\n".join([*wires, made])
    toggle = f"#5 clock_{mark} = ~clock_{mark}; #5 step_{mark} = step_{mark} + 1;"
    count = len(gaps)
    return f"""`timescale 1ns/1ns
module bench_{mark};
  reg [{width - 1}:0] patterns_{mark} [0:{patterns * (_BEFORE + 1) - 1}];
  reg [{width - 1}:0] in_{mark};
  reg clock_{mark};
  integer step_{mark}, row_{mark}, pattern_{mark}, gap_{mark}, file_{mark};
  reg [{count - 1}:0] open_{mark};
  reg [{count - 1}:0] wanted_{mark};
{body}
  wire [{count - 1}:0] watched_{mark} = {{{", ".join(watched)}}};
  always @(watched_{mark}) if (step_{mark} >= 0)
    for (gap_{mark} = 0; gap_{mark} < {count}; gap_{mark} = gap_{mark} + 1)
      if (open_{mark}[gap_{mark}] && watched_{mark}[gap_{mark}] === wanted_{mark}[gap_{mark}]) begin
        open_{mark}[gap_{mark}] = 0;
        $fdisplay(file_{mark}, "%0d %0d %0d", pattern_{mark}, step_{mark}, gap_{mark});
      end
  initial begin
    $readmemh("{_PATTERNS}", patterns_{mark});
    file_{mark} = $fopen("{_SEEN}", "w");
    open_{mark} = ~{count}'b0;
    wanted_{mark} = {count}'b{"".join(wanted)};
    step_{mark} = -1;
    in_{mark} = {width}'h{reset:x};
    clock_{mark} = 0;
    for (pattern_{mark} = 0; pattern_{mark} < {patterns}; pattern_{mark} = pattern_{mark} + 1) begin
      step_{mark} = -1;
      in_{mark} = {width}'h{reset:x};
      repeat ({RESET_ROWS}) begin #5 clock_{mark} = ~clock_{mark}; #5; end
      for (row_{mark} = 0; row_{mark} < {_BEFORE}; row_{mark} = row_{mark} + 1) begin
        in_{mark} = patterns_{mark}[pattern_{mark} * {_BEFORE + 1} + row_{mark}];
        repeat (2) begin #5 clock_{mark} = ~clock_{mark}; #5; end
      end
      in_{mark} = patterns_{mark}[pattern_{mark} * {_BEFORE + 1} + {_BEFORE}];
      step_{mark} = 0;
      while (step_{mark} < {2 * clocks} && open_{mark} != 0) begin {toggle} end
    end
    $finish;
  end
endmodule
"""


def _rows(interface: Interface, changes: Sequence[_Change], onward: int) -> Stimulus:
    """Rows of each pattern; a wait ends some half clocks before a change, where rows are read.

    After a deep change the first `onward` patterns are held as long again, then with their narrow
    inputs inverted, then as before: the output has to change back, and to change again.
    """
    turned = sum(1 << bit_offsets(interface)[name] for name in _single(interface))
    subsets = Resets(interface).subsets
    reset = [subsets[0].put(0) if subsets else 0] * RESET_ROWS
    steps: dict[_Pattern, list[int]] = {}
    for change in changes:
        steps.setdefault(change.pattern, []).append(change.step)
    rows: list[int] = []
    waits: dict[int, int] = {}
    for pattern, found in steps.items():
        rows += [*reset, *(row for row in pattern.before for _ in range(2))]
        done = 0
        for step in sorted(found):
            start = max(done, (step - _AROUND) // 2 * 2)
            if start > done:
                waits[len(rows)] = (start - done) // 2
            count = max(step + _AROUND - start, 0) // 2 * 2
            rows += [pattern.held] * count
            done = start + count
        if done >= _DEEP and onward:
            onward -= 1
            for held in (pattern.held, pattern.held ^ turned, pattern.held):
                waits[len(rows)] = (done + _LATER) // 2
                rows += [held] * 2 * _AROUND
    return Stimulus(tuple(rows), interface.width, waits)
