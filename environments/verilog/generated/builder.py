"""A generated circuit: what a family of designs writes, and what is made of it.

A family writes a body, and edits of it that are wrong; header, clock, resets, their sentences in
the specification and the mutants of clock and reset are the same work for all, and done here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from envgym.sandboxes.graders.verilog import Interface, Port, Reset

Edit = tuple[str, str]


@dataclass(frozen=True)
class Clocking:
    """A clock and a reset, in one of many fashions.

    Attributes:
        clock, reset: Names; `reset` is empty where there is none.
        rising: Which edge counts.
        active_high, synchronous: Of the reset.
    """

    clock: str
    reset: str
    rising: bool
    active_high: bool
    synchronous: bool

    @classmethod
    def draw(cls, rng: random.Random) -> Clocking:
        """A fashion; most are the common ones."""
        active_high, synchronous = rng.random() < 0.5, rng.random() < 0.5
        name = rng.choice(["rst", "reset"] if synchronous else ["arst", "rst", "areset", "reset"])
        clock = rng.choice(["clk", "clk", "clock"])
        reset = name if active_high else f"{name}_n"
        return cls(clock, reset, rng.random() < 0.85, active_high, synchronous)

    @property
    def sentence(self) -> str:
        """For the specification."""
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
        """What an always block waits for."""
        first = f"{'posedge' if self.rising else 'negedge'} {self.clock}"
        if self.synchronous:
            return first
        return f"{first} or {'posedge' if self.active_high else 'negedge'} {self.reset}"

    @property
    def active(self) -> str:
        """The condition under which it resets."""
        return self.reset if self.active_high else f"!{self.reset}"

    def always(self, reset: str, step: str) -> str:
        """An always block; both parts are statements."""
        return (
            f"always @({self.event})\n  if ({self.active}) begin\n{_indented(reset)}\n"
            f"  end else begin\n{_indented(step)}\n  end"
        )

    def edits(self) -> list[Edit]:
        """Wrong edges, polarity and kind of reset."""
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
    """What a family writes.

    Attributes:
        spec: What the circuit does, without its ports, clock and reset.
        plan: How one goes about it, in a sentence or two: the weakest hint.
        inputs, outputs: ``name`` or ``name:width``, separated by spaces; without clock and reset.
        body: The module's body.
        edits: Wrong edits of the body: text, and what stands in its place.
        clocking: None for a circuit without state.
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
    """A finished one.

    Attributes:
        family: Its family's name.
        level: 1 to 4: a line or two, a page, registers, machines of several parts.
        golden: Source of the circuit that counts.
        mutants: Sources of circuits that are none of it.
    """

    family: str
    level: int
    spec: str
    plan: str
    interface: Interface
    golden: str
    mutants: tuple[str, ...]


def finish(draft: Draft, family: str, level: int, module: str) -> Design:
    """The design of a draft."""
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
