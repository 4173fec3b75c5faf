"""Programming problem: statement, tests and references.

Data sets use three kinds of tests (rows of calls, asserts, outputs for inputs); each kind is a
`Suite`, convertible to JSON because a task is JSON. Expected results are stored as one string, so
that a word of them that also occurs in the statement is no leak of hidden data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from envgym.sandboxes.graders import AssertTests, CallCase, IoCase
from envgym.sandboxes.graders.checkers import Layout
from envgym.sandboxes.graders.compare import show
from envgym.sandboxes.graders.harness.plain_values import decode, encode
from envgym.task import Task

Kind = Literal["calls", "asserts", "io"]


@dataclass(frozen=True)
class Suite:
    """Tests of one kind.

    Attributes:
        kind: ``calls``, ``asserts`` or ``io``.
        public: Tests shown to the agent: ``{"args", "expected"}`` in wire form (with ``or``, a
            list of alternative results), ``{"stdin", "expected"}``, or the source of asserts.
        hidden: Tests never shown, in the same form; for ``asserts`` one source.
        entry_point: Name of the function; "" for whole programs.
        names: For ``asserts``: names under which the tests call the function.
        prelude: For ``asserts``: source to run before the tests.
        tolerance: Relative and absolute tolerance of floats; 0 for none.
        layout: For ``io`` with a tolerance: unit of comparison, ``lines`` or ``words``.
    """

    kind: Kind
    public: tuple[Any, ...]
    hidden: tuple[Any, ...]
    entry_point: str = ""
    names: tuple[str, ...] = ()
    prelude: str = ""
    tolerance: float = 0.0
    layout: Layout = "lines"

    def calls(self, *, public: bool) -> list[CallCase]:
        """Call rows in the grader's format."""
        rows = [(row, False) for row in self.public]
        rows += [] if public else [(row, True) for row in self.hidden]
        return [
            CallCase(self.entry_point, decode(r["args"]), decode(r["expected"]), hidden=hidden)
            for r, hidden in rows
        ]

    def alternatives(self) -> list[Suite]:
        """Suites with the alternative results of call rows (``or``), all rows alike."""
        every = [*self.public, *self.hidden] if self.kind == "calls" else []
        found = []
        for index in range(min((len(row.get("or", ())) for row in every), default=0)):
            rows = [{**row, "expected": row["or"][index]} for row in every]
            shown = len(self.public)
            found.append(replace(self, public=tuple(rows[:shown]), hidden=tuple(rows[shown:])))
        return found

    def entry_in(self, source: str) -> str:
        """Entry point in a program: call rows accept a function and a method.

        LeetCode's solutions are methods of ``class Solution``; the rows do not always say so.
        """
        kind, _, name = self.entry_point.rpartition(".")
        if self.kind != "calls" or not name or kind not in ("", "Solution"):
            return self.entry_point
        plain = re.search(rf"^def {re.escape(name)}\b", source, re.MULTILINE)
        method = re.search(r"^class Solution\b", source, re.MULTILINE)
        if bool(plain) == bool(method):
            return self.entry_point
        return name if plain else f"Solution.{name}"

    def io(self, *, public: bool) -> list[IoCase]:
        """Inputs and outputs in the grader's format."""
        rows = [(row, False) for row in self.public]
        rows += [] if public else [(row, True) for row in self.hidden]
        return [IoCase(r["stdin"], r["expected"], hidden) for r, hidden in rows]

    def asserts(self, *, public: bool) -> AssertTests:
        """Asserts in the grader's format; the hidden ones include the public ones."""
        source = "\n".join(self.public if public else self.hidden)
        names = self.names
        if public and self.entry_point:
            names = tuple(dict.fromkeys((self.entry_point, *names)))
        return AssertTests(source, names, self.entry_point, self.prelude, hidden=not public)

    def examples(self) -> list[str]:
        """Public tests as a statement shows them."""
        if self.kind == "asserts":
            return list(self.public)
        if self.kind == "calls":
            return [
                f"{self.entry_point}({', '.join(show(a) for a in row['args'])}) == "
                f"{show(row['expected'])}"
                for row in self.public
            ]
        return [
            f"input:\n{row['stdin']}\noutput:\n{row['expected']}".rstrip() for row in self.public
        ]


@dataclass(frozen=True)
class Problem:
    """Programming problem with its tests.

    Attributes:
        name: Origin, for messages: ``HumanEval/3``.
        statement: Text for the agent, without the examples.
        suite: The tests.
        reference: Source that passes them; "" where there is none.
        preamble: Source put before every program: imports and helpers that the statement gives.
        plan: Sentences that describe a solution; () where there are none.
        difficulty: Number that grows with difficulty.
        split: Split that the data states, if any.
    """

    name: str
    statement: str
    suite: Suite
    reference: str = ""
    preamble: str = ""
    plan: tuple[str, ...] = ()
    difficulty: float | None = None
    split: str | None = None

    def program(self, code: str) -> str:
        """Whole program to judge for `code`; its ``__future__`` imports stay first."""
        if not self.preamble:
            return code
        lines = code.splitlines()
        future = [line for line in lines if line.startswith("from __future__ ")]
        return (
            "\n".join([*future, self.preamble, "", *(x for x in lines if x not in future)]) + "\n"
        )

    def task(self, split: str) -> Task:
        """The problem as a task."""
        suite = self.suite
        data = {
            "name": self.name,
            "statement": self.statement,
            "kind": suite.kind,
            "entry_point": suite.entry_point,
            "preamble": self.preamble,
            "public": list(suite.public),
        }
        rest = {
            "hidden": list(suite.hidden),
            "names": list(suite.names),
            "prelude": suite.prelude,
            "tolerance": suite.tolerance,
            "layout": suite.layout,
            "plan": list(self.plan),
        }
        hidden = {"tests": json.dumps(rest), "solution": self.reference}
        return Task(data, hidden, split, self.difficulty)

    @classmethod
    def of(cls, task: Task) -> Problem:
        """Read the problem of a task."""
        data, rest = task.data, json.loads(task.hidden["tests"])
        suite = Suite(
            data["kind"],
            tuple(data["public"]),
            tuple(rest["hidden"]),
            data["entry_point"],
            tuple(rest["names"]),
            rest["prelude"],
            rest["tolerance"],
            rest["layout"],
        )
        return cls(
            data["name"],
            data["statement"],
            suite,
            task.hidden["solution"],
            data["preamble"],
            tuple(rest["plan"]),
            task.difficulty,
        )


def call_row(args: Sequence[Any], expected: Any) -> dict[str, Any]:
    """Row of a ``calls`` suite.

    Raises:
        NotPlain: A value is no plain value.
    """
    return {"args": [encode(arg) for arg in args], "expected": encode(expected)}
