"""Builder of generated designs, from what a family writes to specification, circuit and mutants.

A family writes a body and wrong edits of it. The builder adds what all families share: header,
clock, resets, their sentences in the specification, and mutants of clock and reset.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from envgym.sandboxes.graders.verilog import Interface, Port, Reset

Edit = tuple[str, str]


@dataclass(frozen=True)
class Clocking:
    """Clock and reset of a design, in one of many styles.

    Attributes:
        clock: Name of the clock.
        reset: Name of the reset; empty where there is none.
        rising: Whether registers change on the rising edge.
        active_high: Whether the reset is active at 1.
        synchronous: Whether the reset waits for a clock edge.
    """

    clock: str
    reset: str
    rising: bool
    active_high: bool
    synchronous: bool

    @classmethod
    def draw(cls, rng: random.Random) -> Clocking:
        """Draw a style; common ones are more likely."""
        active_high, synchronous = rng.random() < 0.5, rng.random() < 0.5
        name = rng.choice(["rst", "reset"] if synchronous else ["arst", "rst", "areset", "reset"])
        clock = rng.choice(["clk", "clk", "clock"])
        reset = name if active_high else f"{name}_n"
        return cls(clock, reset, rng.random() < 0.85, active_high, synchronous)

    @property
    def sentence(self) -> str:
        """Sentence for the specification."""
        edge = "rising" if self.rising else "falling"
        kind = "synchronous" if self.synchronous else "asynchronous"
        level = "high" if self.active_high else "low"
        return (
            f"Registers change on the {edge} edge of {self.clock}; {self.reset} is an "
            f"active-{level} "
            f"{kind} reset."
        )

    @property
    def event(self) -> str:
        """Sensitivity list of an always block."""
        first = f"{'posedge' if self.rising else 'negedge'} {self.clock}"
        if self.synchronous:
            return first
        return f"{first} or {'posedge' if self.active_high else 'negedge'} {self.reset}"

    @property
    def active(self) -> str:
        """Condition under which the design resets."""
        return self.reset if self.active_high else f"!{self.reset}"

    def always(self, reset: str, step: str) -> str:
        """Always block with a reset part and a clocked part, both statements."""
        return (
            f"always @({self.event})\n  if ({self.active}) begin\n{_indented(reset)}\n"
            f"  end else begin\n{_indented(step)}\n  end"
        )

    def edits(self) -> list[Edit]:
        """Wrong edits of edge, polarity and kind of reset."""
        other = Clocking(
            self.clock, self.reset, not self.rising, self.active_high, self.synchronous
        )
        kind = Clocking(self.clock, self.reset, self.rising, self.active_high, not self.synchronous)
        turned = Clocking(
            self.clock, self.reset, self.rising, not self.active_high, self.synchronous
        )
        return [
            (f"always @({self.event})", f"always @({other.event})"),
            (f"always @({self.event})", f"always @({kind.event})"),
            (
                f"always @({self.event})\n  if ({self.active})",
                f"always @({turned.event})\n  if ({turned.active})",
            ),
        ]


@dataclass(frozen=True)
class Draft:
    """Output of a family: body, ports, wording and wrong edits.

    Attributes:
        spec: Specification, without ports, clock and reset.
        plan: Approach in a sentence or two, used as the weakest hint.
        inputs: Input ports as ``name`` or ``name:width``, separated by spaces, without clock and
            reset.
        outputs: Output ports in the same form.
        body: Body of the module.
        edits: Wrong edits of the body, as pairs of old and new text.
        clocking: Clock and reset; None for a combinational circuit.
    """

    spec: str
    plan: str
    inputs: str
    outputs: str
    body: str
    edits: list[Edit] = field(default_factory=list)
    clocking: Clocking | None = None


@dataclass(frozen=True)
class Design:
    """Finished design.

    Attributes:
        family: Name of its family.
        level: Difficulty, 1 (combinational) to 4 (multi-cycle machines).
        golden: Source of the golden circuit.
        mutants: Sources of wrong circuits.
    """

    family: str
    level: int
    spec: str
    plan: str
    interface: Interface
    golden: str
    mutants: tuple[str, ...]


def finish(draft: Draft, family: str, level: int, module: str) -> Design:
    """Complete a draft."""
    inputs, outputs = _ports(draft.inputs), _ports(draft.outputs)
    spec, edits, clocking = draft.spec, list(draft.edits), draft.clocking
    clock: str = ""
    resets: tuple[Reset, ...] = ()
    edges: tuple[str, ...] = ()
    if clocking is not None:
        inputs = (Port(clocking.clock), Port(clocking.reset), *inputs)
        spec += f" {clocking.sentence}"
        edits += clocking.edits()
        clock, edges = clocking.clock, ("pos" if clocking.rising else "neg",)
        resets = (Reset(clocking.reset, clocking.active_high, clocking.synchronous),)
    head = ",\n".join(
        [f"  input {_range(port)}{port.name}" for port in inputs]
        + [f"  output logic {_range(port)}{port.name}" for port in outputs]
    )

    def source(body: str) -> str:
        return f"module {module} (\n{head}\n);\n{_indented(body)}\nendmodule\n"

    mutants = []
    for old, new in edits:
        if old not in draft.body or old == new:
            raise ValueError(f"{family}: an edit of {old!r} changes nothing")
        mutants.append(source(draft.body.replace(old, new, 1)))
    interface = Interface(module, inputs, outputs, clock, resets, edges)
    return Design(family, level, spec, draft.plan, interface, source(draft.body), tuple(mutants))


def _ports(text: str) -> tuple[Port, ...]:
    pairs = (part.partition(":") for part in text.split())
    return tuple(Port(name, int(width or 1)) for name, _, width in pairs)


def _range(port: Port) -> str:
    return f"[{port.width - 1}:0] " if port.width > 1 else ""


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())
