"""A problem: a specification, what it is judged by, and what is known of its ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from envgym.environments.verilog.generated import Design
from envgym.sandboxes.graders.verilog import Interface
from envgym.task import Task

MOST_CHARACTERS = 1 << 20
"""Of a golden design: what `lint` allows to a submitted one."""
_MUTANTS = 2  # of a generated design that its task carries


@dataclass(frozen=True)
class Problem:
    """One row of any source.

    Attributes:
        name: Which, in a few characters.
        spec: What the circuit has to do, in words.
        goldens: Sources of golden designs; a design that is one of them is right.
        module: The module to write; None where Yosys has to find the golden's top.
        interface: Its ports, clock and resets; None where Yosys has to find them.
        ports: Widths by name that the source states, to be held against the golden design's.
        compare_when: When outputs are compared, by output; see `compare_when`. Empty is always.
        mutants: Sources of designs that are known to be wrong, for the checker.
        plan: How to go about it; empty where the source does not say.
        level: Of difficulty, where there is one.
    """

    name: str
    spec: str
    goldens: tuple[str, ...]
    module: str | None = None
    interface: Interface | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    compare_when: Mapping[str, str] = field(default_factory=dict)
    mutants: tuple[str, ...] = ()
    plan: str = ""
    level: int | None = None

    @classmethod
    def generated(cls, design: Design) -> Problem:
        """The problem of a generated design."""
        return cls(
            design.family,
            design.spec,
            (design.golden,),
            design.interface.module,
            design.interface,
            mutants=design.mutants[:_MUTANTS],
            plan=design.plan,
            level=design.level,
        )

    def task(self, split: str) -> Task:
        """As a task: ports, which every specification states, are visible, designs are not."""
        data: dict[str, Any] = {
            "name": self.name,
            "spec": self.spec,
            "module": self.module,
            "interface": self.interface.to_json() if self.interface else None,
            "ports": dict(self.ports),
            "plan": self.plan,
        }
        hidden: dict[str, Any] = {"golds": list(self.goldens), "mutants": list(self.mutants)}
        if self.compare_when:
            hidden["compare_when"] = dict(self.compare_when)
        return Task(data, hidden, split, self.level)

    @classmethod
    def of(cls, task: Task) -> Problem:
        """The problem of a task."""
        data = task.data
        face = data["interface"]
        return cls(
            data["name"],
            data["spec"],
            tuple(task.hidden["golds"]),
            data["module"],
            Interface.from_json(face) if face else None,
            data["ports"],
            task.hidden.get("compare_when", {}),
            tuple(task.hidden.get("mutants", ())),
            data["plan"],
        )


def ports_in_words(interface: Interface) -> str:
    """The ports, one a line, as a specification lists them."""
    lines = [f"- input {_width(port.width)}{port.name}" for port in interface.inputs]
    lines += [f"- output {_width(port.width)}{port.name}" for port in interface.outputs]
    return "\n".join(lines)


def _width(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""
