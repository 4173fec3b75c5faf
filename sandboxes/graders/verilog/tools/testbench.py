"""Trusted test bench: drive a circuit and record its outputs.

No reference and no verdict is in the same simulation: there is nothing to peek at, to drive back
into, or to overwrite. A source and the netlist made of it may be: each has wires of its own, and
the netlist's name holds the nonce. Module, names and the file of the trace carry a nonce of the
run, and the trace is written at its very end: a run that ends early has none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from envgym.sandboxes.graders.verilog.analysis.ports import Interface
from envgym.sandboxes.graders.verilog.stimulus.stimulus import Stimulus

STIMULUS = "stimulus.txt"
CALLS = ("$readmemh", "$writememb", "$finish")
"""System tasks that the bench calls, in one place each."""
_ZERO, _ONE, _X, _END = b"01x\n"
_PLACES = re.compile(rb"//[^\n]*\n")  # Icarus says now and then where in the memory it is


@dataclass(frozen=True)
class Trace:
    """Outputs of a circuit over time.

    Attributes:
        text: One line of ``01xz`` per reading of the outputs, the first output leftmost; a single
            text, because most designs match the golden one in a single comparison.
        width: Characters of a line, its end not counted.
    """

    text: bytes
    width: int

    @property
    def rows(self) -> tuple[str, ...]:
        """Lines of the trace."""
        return tuple(self.text.decode("ascii").split("\n")[:-1])

    @property
    def defined(self) -> bool:
        """Return whether any output was ever 0 or 1."""
        return b"0" in self.text or b"1" in self.text

    def where(self, other: Trace) -> Trace:
        """This trace, with x wherever `other` has one."""
        if self.text == other.text:
            return self
        known = _bytes(other) != _X
        return Trace(np.where(known, _bytes(self), np.uint8(_X)).tobytes(), self.width)

    def first_difference(self, other: Trace) -> int | None:
        """Index of the first line where `other` differs in a bit that is not x in this trace.

        A z is a value like 0 and 1: an undriven bus differs from one held at 0.
        """
        if self.text == other.text:
            return None
        mine = _bytes(self)
        wrong = (mine != _bytes(other)) & (mine != _X)
        return int(wrong.argmax()) // (self.width + 1) if wrong.any() else None

    def takes(self, value: str) -> npt.NDArray[np.bool_]:
        """Return whether each bit of a line, top bit of the first output first, is ever `value`."""
        lines = _bytes(self).reshape(-1, self.width + 1)
        found: npt.NDArray[np.bool_] = (lines[:, :-1] == ord(value)).any(axis=0)
        return found

    def row(self, read: int) -> str:
        """One line."""
        at = read * (self.width + 1)
        return self.text[at : at + self.width].decode("ascii")


def _bytes(trace: Trace) -> npt.NDArray[np.uint8]:
    return np.frombuffer(trace.text, np.uint8)


def trace_file(nonce: str) -> str:
    """Name of the bench's output file."""
    return f"trace_{nonce}.txt"


def driver(interface: Interface, stimulus: Stimulus, nonce: str, modules: Sequence[str]) -> str:
    """Source of the bench; its top module is ``bench_NONCE``.

    Nothing changes at time 0, where the order in which blocks start decides what they see. Inputs
    change five units before the clock. Outputs are read five units after it and, where there is a
    clock, also just before it, so that effects of an input at a level of the clock are seen; not
    before its first edge, because few specifications define a register's value then.

    Args:
        modules: Modules to drive at the same times, each with wires of its own.
    """
    width, count = max(interface.width, 1), len(stimulus.rows)
    declared, outputs = [], []
    for number, module in enumerate(modules):
        wires, made, out = instance(interface, module, f"{number}_{nonce}", nonce)
        declared += [*wires, made]
        outputs += out
    wait_bits = stimulus.wait_bits
    word_bits = wait_bits + width
    wait = ""
    if wait_bits:
        waited = f"rows_{nonce}[row_{nonce}][{word_bits - 1}:{width}]"
        toggle = f"#5 clock_{nonce} = ~clock_{nonce};"
        wait = f"repeat ({waited}) begin {toggle} {toggle} end\n      "
    out_width = len(modules) * sum(port.width for port in interface.outputs)
    word = f"{{before_{nonce}, out_{nonce}}}" if interface.clock else f"out_{nonce}"
    if interface.clock:
        steps = f"#5 before_{nonce} = out_{nonce};\n      clock_{nonce} = ~clock_{nonce};\n      #5"
    else:
        steps = "#10"
    # One net of all outputs: it changes less often than it is read.
    declared.append(f"  wire [{out_width - 1}:0] out_{nonce} = {{{', '.join(outputs)}}};")
    body = "\n".join(declared)
    # As few bits as count the rows: vvp takes an index bit by bit. The clock is 0 before anybody
    # waits for an edge of it: to come there from x would be one.
    return f"""`timescale 1ns/1ns
module bench_{nonce};
  reg [{word_bits - 1}:0] rows_{nonce} [0:{count - 1}];
  reg [{width - 1}:0] in_{nonce};
  reg clock_{nonce} = 0;
  reg [{out_width - 1}:0] before_{nonce};
  reg [{out_width * (2 if interface.clock else 1) - 1}:0] reads_{nonce} [0:{count - 1}];
  reg [{count.bit_length() - 1}:0] row_{nonce};
{body}
  initial begin
    $readmemh("{STIMULUS}", rows_{nonce});
    row_{nonce} = 0;
    #1 in_{nonce} = rows_{nonce}[0];
    #1 repeat ({count}) begin
      in_{nonce} = rows_{nonce}[row_{nonce}];
      {wait}{steps} reads_{nonce}[row_{nonce}] = {word};
      row_{nonce} = row_{nonce} + 1'b1;
    end
    $writememb("{trace_file(nonce)}", reads_{nonce});
    $finish;
  end
endmodule
"""


def instance(
    interface: Interface, module: str, mark: str, nonce: str
) -> tuple[list[str], str, list[str]]:
    """Wires, the instance, and the wires of its outputs, the first one leftmost."""
    wires, ports, outputs = [], [], []
    left = interface.width
    for port in interface.driven:
        left -= port.width
        name = f"in_{port.name}_{mark}"
        wires.append(f"  wire [{port.width - 1}:0] {name} = in_{nonce}[{left} +: {port.width}];")
        ports.append(f".{port.name}({name})")
    if interface.clock:
        wires.append(f"  wire clock_wire_{mark} = clock_{nonce};")
        ports.append(f".{interface.clock}(clock_wire_{mark})")
    for port in interface.outputs:
        name = f"out_{port.name}_{mark}"
        wires.append(f"  wire [{port.width - 1}:0] {name};")
        ports.append(f".{port.name}({name})")
        outputs.append(name)
    return wires, f"  {module} dut_{mark} ({', '.join(ports)});", outputs


def reads(interface: Interface, stimulus: Stimulus) -> int:
    """Number of readings of the outputs."""
    rows = len(stimulus.rows)
    return 2 * rows - 1 if interface.clock else rows


def row_of(interface: Interface, read: int) -> tuple[int, bool]:
    """Row of stimulus that a reading belongs to, and whether it was after the clock's edge."""
    return ((read + 1) // 2, read % 2 == 0) if interface.clock else (read, True)


def read_traces(
    written: bytes, interface: Interface, rows: int, modules: int = 1
) -> tuple[Trace, ...] | None:
    """Read the traces of all modules from the file of a run; None if it is incomplete.

    A complete file has a line for each of the `rows`, of ``01xz``, as wide as the outputs of all
    modules, and twice as many lines where there is a clock.
    """
    text = _PLACES.sub(b"", written)
    width = sum(port.width for port in interface.outputs)
    sides = 2 if interface.clock else 1
    line = sides * modules * width + 1
    if len(text) != rows * line or text.translate(None, b"01xz\n"):
        return None
    cells = np.frombuffer(text, np.uint8).reshape(rows, line)
    ends = cells == _END
    if not ends[:, -1].all() or ends[:, :-1].any():
        return None
    # What stood before the first edge is no reading.
    cells = cells[:, :-1].reshape(sides * rows, modules, width)[sides - 1 :]
    traces = np.full((modules, len(cells), width + 1), _END, np.uint8)
    traces[:, :, :-1] = cells.transpose(1, 0, 2)
    return tuple(Trace(trace.tobytes(), width) for trace in traces)
