"""A composition: actions one after another, as a function of one value and perhaps a second one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from envgym.environments.code.generate.operations import ARGUMENT, Action, Argument, Use
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
    """What a generated task asks for.

    Attributes:
        actions: At least one; what one gives the next one takes.
    """

    actions: tuple[Action, ...]

    @property
    def takes(self) -> str:
        """The type of the value."""
        return self.actions[0].takes

    @property
    def gives(self) -> str:
        """The type of the result."""
        return self.actions[-1].gives

    @property
    def uses(self) -> Iterator[Use]:
        """All steps in it."""
        for action in self.actions:
            yield from action.uses

    @property
    def argued(self) -> Use | None:
        """The step whose parameter is the second argument, if there is one."""
        return next((use for use in self.uses if isinstance(use.parameter, Argument)), None)

    def run(self, value: Any, k: Any = None) -> Any:
        """The result.

        Raises:
            TooLarge: A value on the way is beyond the bounds.
        """
        for action in self.actions:
            value = action.run(value, k)
        return value

    def without(self) -> Iterator[Composition]:
        """What is left where one action is left out that does not change the type."""
        for index, action in enumerate(self.actions):
            rest = self.actions[:index] + self.actions[index + 1 :]
            if rest and action.takes == action.gives:
                yield Composition(rest)

    def sentences(self) -> list[str]:
        """The numbered list of a statement."""
        return [f"{n}. {action.words}" for n, action in enumerate(self.actions, 1)]

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
        """The reference: the steps as functions, then the one that is asked for."""
        helpers = {use.step.name: use.step.source for use in self.uses}
        lines = [f"value = {INPUT_NAMES[self.takes]}"]
        for action in self.actions:
            lines += action.lines()
        body = "\n".join(f"    {line}" for line in [*lines, "return value"])
        return "\n\n\n".join([*helpers.values(), f"def {self.signature(name)}:\n{body}"]) + "\n"
