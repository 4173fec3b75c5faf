"""The trusted driver: a bench that drives one circuit, alone, and prints what comes out.

No reference and no verdict is in the same simulation: there is nothing to peek at, to drive back
into, or to overwrite. Module and names are random, each line begins with a nonce of the run, and
the run counts only with its last line.
"""

from __future__ import annotations

from dataclasses import dataclass

from envgym.sandboxes.graders.verilog.interface import Interface
from envgym.sandboxes.graders.verilog.stimulus import Stimulus

STIMULUS = "stimulus.txt"


@dataclass(frozen=True)
class Trace:
    """A circuit's outputs.

    Attributes:
        rows: A row of ``01xz`` for each time that outputs were read, the first output leftmost.
    """

    rows: tuple[str, ...]


def driver(interface: Interface, stimulus: Stimulus, nonce: str) -> str:
    """The bench's source; its top module is ``bench_NONCE``.

    Nothing moves at time 0, where the order in which blocks start decides what they see. Inputs
    change five units before the clock. Outputs are read five units after it and, where there is a
    clock, also just before it, so that what follows an input at a level of the clock is seen; not
    before its first edge, for what a register holds then few specifications say.
    """
    width, count = max(interface.width, 1), len(stimulus.rows)
    ports, wires = [], []
    left = interface.width
    for port in interface.driven:
        left -= port.width
        name = f"in_{port.name}_{nonce}"
        wires.append(f"  wire [{port.width - 1}:0] {name} = in_{nonce}[{left} +: {port.width}];")
        ports.append(f".{port.name}({name})")
    if interface.clock:
        wires.append(f"  wire clock_wire_{nonce} = clock_{nonce};")
        ports.append(f".{interface.clock}(clock_wire_{nonce})")
    outputs = []
    for port in interface.outputs:
        name = f"out_{port.name}_{nonce}"
        wires.append(f"  wire [{port.width - 1}:0] {name};")
        ports.append(f".{port.name}({name})")
        outputs.append(name)
    declared = "\n".join(wires)
    show = f'$display("{nonce} %b", {{{", ".join(outputs)}}});'
    before = f"#4 if (row_{nonce} > 0) {show}\n      #1" if interface.clock else "#5"
    return f"""`timescale 1ns/1ns
module bench_{nonce};
  reg [{width - 1}:0] rows_{nonce} [0:{count - 1}];
  reg [{width - 1}:0] in_{nonce};
  reg clock_{nonce};
  integer row_{nonce};
{declared}
  {interface.module} dut_{nonce} ({", ".join(ports)});
  initial begin
    $readmemb("{STIMULUS}", rows_{nonce});
    #1 in_{nonce} = rows_{nonce}[0];
    #1 clock_{nonce} = 0;
    for (row_{nonce} = 0; row_{nonce} < {count}; row_{nonce} = row_{nonce} + 1) begin
      in_{nonce} = rows_{nonce}[row_{nonce}];
      {before} clock_{nonce} = ~clock_{nonce};
      #5 {show}
    end
    $display("{nonce} end %0d", {reads(interface, stimulus)});
    $finish;
  end
endmodule
"""


def reads(interface: Interface, stimulus: Stimulus) -> int:
    """How often outputs are read."""
    rows = len(stimulus.rows)
    return 2 * rows - 1 if interface.clock else rows


def row_of(interface: Interface, read: int) -> tuple[int, bool]:
    """The row of stimulus that a reading belongs to, and whether it was after the clock's edge."""
    return ((read + 1) // 2, read % 2 == 0) if interface.clock else (read, True)


def read_trace(stdout: bytes, nonce: str, interface: Interface, count: int) -> Trace | None:
    """The trace that a run printed; None where it is not whole.

    Whole is: as many rows as `count`, each as wide as the outputs, then the last line, and
    nothing more with the nonce.
    """
    mark = nonce.encode() + b" "
    rows = [
        line[len(mark) :].decode("ascii", "replace")
        for line in stdout.split(b"\n")
        if line.startswith(mark)
    ]
    width = sum(port.width for port in interface.outputs)
    if len(rows) != count + 1 or rows.pop() != f"end {count}":
        return None
    if any(len(row) != width or row.strip("01xz") for row in rows):
        return None
    same: dict[str, str] = {}  # a trace is kept: its equal rows, which are many, as one text
    return Trace(tuple(same.setdefault(row, row) for row in rows))
