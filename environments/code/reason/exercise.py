"""Exercise: a program with input-output pairs, one part of which is asked for.

Deduction asks for the output, abduction for an input that gives the output, induction for the
program (Absolute Zero, section 3.2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from envgym.environments.code.reason.literals import Arguments
from envgym.sandboxes.graders.compare import show
from envgym.task import Task

Kind = Literal["deduction", "abduction", "induction"]
KINDS = ("deduction", "abduction", "induction")
SHOWN_CHARS = 2000
"""Maximum length of an input or output as text, so that answers take few tokens."""


@dataclass(frozen=True)
class Pair:
    """Input and output; the output is in wire form."""

    arguments: Arguments
    output: Any

    def text(self) -> str:
        """Example text: ``f(1, 2) == 3``."""
        return f"f({self.arguments.text()}) == {show(self.output, SHOWN_CHARS)}"

    def to_json(self) -> list[Any]:
        """Convert to JSON values."""
        return [list(self.arguments.args), [list(k) for k in self.arguments.kwargs], self.output]

    @classmethod
    def of(cls, row: Sequence[Any]) -> Pair:
        """Read from `to_json`."""
        args, kwargs, output = row
        return cls(Arguments(tuple(args), tuple((name, value) for name, value in kwargs)), output)


@dataclass(frozen=True)
class Exercise:
    """One program with its input-output pairs.

    Attributes:
        program: Source that defines ``f``.
        pairs: One or more; induction shows the first half and judges by all.
        message: Description of the program that induction shows.
        plan: Steps of the program as sentences; () where there are none.
        difficulty: Number that grows with difficulty.
    """

    program: str
    pairs: tuple[Pair, ...]
    message: str = ""
    plan: tuple[str, ...] = ()
    difficulty: float | None = None

    def task(self, kind: Kind, split: str) -> Task:
        """Task of a kind; the answer is in the hidden part."""
        first = self.pairs[0]
        given, output = first.arguments.text(), show(first.output, SHOWN_CHARS)
        if kind == "deduction":
            data: Mapping[str, Any] = {"program": self.program, "input": given}
            answer = output
        elif kind == "abduction":
            data, answer = {"program": self.program, "output": output}, given
        else:
            half = max(1, len(self.pairs) // 2)
            shown = [pair.text() for pair in self.pairs[:half]]
            data, answer = {"pairs": shown, "message": self.message}, self.program
        rest = {
            "program": self.program,
            "pairs": [pair.to_json() for pair in self.pairs],
            "answer": answer,
            "plan": list(self.plan),
        }
        return Task({"kind": kind, **data}, {"answer": json.dumps(rest)}, split, self.difficulty)


@dataclass(frozen=True)
class Answer:
    """Hidden part of a task.

    Attributes:
        program: The program.
        pairs: Its pairs.
        text: Answer of the oracle.
        plan: Steps of the program as sentences.
    """

    program: str
    pairs: tuple[Pair, ...]
    text: str
    plan: tuple[str, ...]

    @classmethod
    def of(cls, task: Task) -> Answer:
        """Read from a task."""
        rest = json.loads(task.hidden["answer"])
        pairs = tuple(map(Pair.of, rest["pairs"]))
        return cls(rest["program"], pairs, rest["answer"], tuple(rest["plan"]))
