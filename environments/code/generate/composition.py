"""Composition of operations: a function of one value and an optional second argument."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from envgym.environments.code.generate.operations import ARGUMENT, Argument, Operation, Use
from envgym.environments.code.generate.step import INT, INTS, TEXT, TEXTS

INPUT_NAMES = {INTS: "numbers", TEXTS: "words", TEXT: "text", INT: "number"}
NOUNS = {
    INTS: "a list of whole numbers",
    TEXTS: "a list of texts",
    TEXT: "a text",
    INT: "a whole number",
}


@dataclass(frozen=True)
class Composition:
    """Sequence of operations that a generated task asks for.

    Attributes:
        operations: One or more; the result of one is the value of the next.
    """

    operations: tuple[Operation, ...]

    @property
    def takes(self) -> str:
        """The type of the value."""
        return self.operations[0].takes

    @property
    def gives(self) -> str:
        """The type of the result."""
        return self.operations[-1].gives

    @property
    def uses(self) -> Iterator[Use]:
        """All steps in order."""
        for operation in self.operations:
            yield from operation.uses

    @property
    def argued(self) -> Use | None:
        """Step whose parameter is the second argument, if any."""
        return next((use for use in self.uses if isinstance(use.parameter, Argument)), None)

    def run(self, value: Any, k: Any = None) -> Any:
        """Result for a value and a second argument.

        Raises:
            TooLarge: A value on the way is beyond the bounds.
        """
        for operation in self.operations:
            value = operation.run(value, k)
        return value

    def without(self) -> Iterator[Composition]:
        """Compositions with one type-preserving operation left out."""
        for index, operation in enumerate(self.operations):
            rest = self.operations[:index] + self.operations[index + 1 :]
            if rest and operation.takes == operation.gives:
                yield Composition(rest)

    def sentences(self) -> list[str]:
        """Numbered sentences of the statement."""
        return [f"{n}. {operation.words}" for n, operation in enumerate(self.operations, 1)]

    def parameters(self) -> list[tuple[str, str]]:
        """Names and types of the arguments."""
        found = [(INPUT_NAMES[self.takes], self.takes)]
        if (argued := self.argued) is not None:
            kind = INT if isinstance(argued.step.choices[0], int) else TEXT
            found.append((ARGUMENT.name, kind))
        return found

    def signature(self, name: str) -> str:
        """``name(numbers: list[int], k: int) -> int``."""
        inside = ", ".join(f"{one}: {kind}" for one, kind in self.parameters())
        return f"{name}({inside}) -> {self.gives}"

    def source(self, name: str) -> str:
        """Source of the reference: one function per step, then the function asked for."""
        helpers = {use.step.name: use.step.source for use in self.uses}
        lines = [f"value = {INPUT_NAMES[self.takes]}"]
        for operation in self.operations:
            lines += operation.lines()
        body = "\n".join(f"    {line}" for line in [*lines, "return value"])
        return "\n\n\n".join([*helpers.values(), f"def {self.signature(name)}:\n{body}"]) + "\n"
