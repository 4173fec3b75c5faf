"""Verilog problem: specification, golden designs and known ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from envgym.environments.verilog.generated import Design
from envgym.sandboxes.graders.verilog import Interface
from envgym.task import Task

MOST_CHARACTERS = 1 << 20
"""Maximum length of a golden design; the limit of `lint` for submitted ones."""
_MUTANTS = 2  # mutants stored in a generated task


@dataclass(frozen=True)
class Problem:
    """One problem of any source.

    Attributes:
        name: Short name of the problem.
        spec: Specification in words.
        goldens: Sources of golden designs; a design that is one of them is right.
        module: The module to write; None where Yosys has to find the golden's top.
        interface: Its ports, clock and resets; None where Yosys has to find them.
        ports: Port widths by name as the source states them, checked against the golden design.
        compare_when: Condition of comparison by output; see `compare_when`. Empty means always.
        mutants: Sources of wrong designs, for the checker.
        plan: Approach to a solution; empty where the source states none.
        level: Difficulty level, if there is one.
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
        """Problem of a generated design."""
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
        """Task with visible ports, which every specification states, and hidden designs."""
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
        """Read the problem of a task."""
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
    """Port list of a specification, one port per line."""
    lines = [f"- input {_width(port.width)}{port.name}" for port in interface.inputs]
    lines += [f"- output {_width(port.width)}{port.name}" for port in interface.outputs]
    return "\n".join(lines)


def _width(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""
