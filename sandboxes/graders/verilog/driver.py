"""The trusted driver: a bench that drives one circuit, alone, and writes down what comes out.

No reference and no verdict is in the same simulation: there is nothing to peek at, to drive back
into, or to overwrite. Module, names and the file of the trace carry a nonce of the run, and the
trace is written at its very end: a run that ends early has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from envgym.sandboxes.graders.verilog.interface import Interface
from envgym.sandboxes.graders.verilog.stimulus import Stimulus

STIMULUS = "stimulus.txt"
_ZERO, _ONE, _X, _END = b"01x\n"
_PLACES = re.compile(rb"//[^\n]*\n")  # Icarus says now and then where in the memory it is


@dataclass(frozen=True)
class Trace:
    """A circuit's outputs.

    Attributes:
        text: A line of ``01xz`` for each time that outputs were read, the first output leftmost;
            one text, for most designs give the golden one and are through with one comparison.
        width: Characters of a line, its end not counted.
    """

    text: bytes
    width: int

    @property
    def rows(self) -> tuple[str, ...]:
        """The lines."""
        return tuple(self.text.decode("ascii").split("\n")[:-1])

    @property
    def defined(self) -> bool:
        """Whether any output was ever 0 or 1."""
        return b"0" in self.text or b"1" in self.text

    def where(self, other: Trace) -> Trace:
        """This trace, with x wherever `other` defines nothing."""
        if self.text == other.text:
            return self
        mine, others = _bytes(self), _bytes(other)
        known = (others == _ZERO) | (others == _ONE) | (others == _END)
        return Trace(np.where(known, mine, np.uint8(_X)).tobytes(), self.width)

    def first_difference(self, other: Trace) -> int | None:
        """The first line in which `other` has another bit than one that this trace defines."""
        if self.text == other.text:
            return None
        mine = _bytes(self)
        wrong = (mine != _bytes(other)) & ((mine == _ZERO) | (mine == _ONE))
        return int(wrong.argmax()) // (self.width + 1) if wrong.any() else None

    def row(self, read: int) -> str:
        """One line."""
        at = read * (self.width + 1)
        return self.text[at : at + self.width].decode("ascii")


def _bytes(trace: Trace) -> npt.NDArray[np.uint8]:
    return np.frombuffer(trace.text, np.uint8)


def trace_file(nonce: str) -> str:
    """Where the bench writes the trace."""
    return f"trace_{nonce}.txt"


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
    out_width = sum(port.width for port in interface.outputs)
    keep = (
        f"begin reads_{nonce}[read_{nonce}] = {{{', '.join(outputs)}}};"
        f" read_{nonce} = read_{nonce} + 1; end"
    )
    before = f"#4 if (row_{nonce} > 0) {keep}\n      #1" if interface.clock else "#5"
    return f"""`timescale 1ns/1ns
module bench_{nonce};
  reg [{width - 1}:0] rows_{nonce} [0:{count - 1}];
  reg [{width - 1}:0] in_{nonce};
  reg clock_{nonce};
  reg [{out_width - 1}:0] reads_{nonce} [0:{reads(interface, stimulus) - 1}];
  integer row_{nonce}, read_{nonce};
{declared}
  {interface.module} dut_{nonce} ({", ".join(ports)});
  initial begin
    $readmemb("{STIMULUS}", rows_{nonce});
    read_{nonce} = 0;
    #1 in_{nonce} = rows_{nonce}[0];
    #1 clock_{nonce} = 0;
    for (row_{nonce} = 0; row_{nonce} < {count}; row_{nonce} = row_{nonce} + 1) begin
      in_{nonce} = rows_{nonce}[row_{nonce}];
      {before} clock_{nonce} = ~clock_{nonce};
      #5 {keep}
    end
    $writememb("{trace_file(nonce)}", reads_{nonce});
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


def read_trace(written: bytes, interface: Interface, count: int) -> Trace | None:
    """The trace in the file that a run wrote; None where it is not whole.

    Whole is: `count` lines, each as wide as the outputs, of ``01xz``.
    """
    text = _PLACES.sub(b"", written)
    width = sum(port.width for port in interface.outputs)
    if len(text) != count * (width + 1) or text.translate(None, b"01xz\n"):
        return None
    ends = np.frombuffer(text, np.uint8).reshape(count, width + 1) == _END
    if not ends[:, -1].all() or ends[:, :-1].any():
        return None
    return Trace(text, width)
