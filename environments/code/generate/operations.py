"""Operations of a composition: apply a step, apply it to each member, or choose by a condition.

Each operation keeps three things side by side: its effect on a value, its wording in the statement,
and its lines in the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from envgym.environments.code.generate.step import LIST_OF, Step

MOST_MEMBERS = 60
LARGEST = 10**6


class TooLarge(Exception):
    """A value exceeds the size allowed in a task's tests."""


class Argument:
    """Placeholder for the task's second argument in a parameter's place."""

    name = "k"


ARGUMENT = Argument()


@dataclass(frozen=True)
class Use:
    """A step with its parameter: a value, `ARGUMENT`, or None where it takes none."""

    step: Step
    parameter: Any = None

    def __call__(self, value: Any, k: Any) -> Any:
        """Result of the step for a value and the task's second argument.

        Raises:
            TooLarge: The result exceeds the bounds.
        """
        if not self.step.choices:
            result = self.step.function(value)
        else:
            parameter = k if isinstance(self.parameter, Argument) else self.parameter
            result = self.step.function(value, parameter)
        _bounded(result)
        return result

    @property
    def words(self) -> str:
        """Wording in a statement."""
        given = self.parameter
        return self.step.words(given.name if isinstance(given, Argument) else repr(given))

    def call(self, subject: str) -> str:
        """Call as Python source."""
        if not self.step.choices:
            return f"{self.step.name}({subject})"
        given = self.parameter
        shown = given.name if isinstance(given, Argument) else repr(given)
        return f"{self.step.name}({subject}, {shown})"


class Operation(Protocol):
    """One operation: one numbered sentence of a statement."""

    @property
    def takes(self) -> str:
        """Type of the value before."""

    @property
    def gives(self) -> str:
        """Type of the value after."""

    @property
    def words(self) -> str:
        """The sentence."""

    @property
    def uses(self) -> Iterator[Use]:
        """The steps in it, conditions included."""

    def run(self, value: Any, k: Any) -> Any:
        """Value after the operation."""

    def lines(self) -> list[str]:
        """Lines of the reference, about a variable ``value``."""


@dataclass(frozen=True)
class Apply:
    """Apply one step to the whole value."""

    use: Use

    @property
    def takes(self) -> str:
        """See `Operation`."""
        return self.use.step.takes

    @property
    def gives(self) -> str:
        """See `Operation`."""
        return self.use.step.gives

    @property
    def words(self) -> str:
        """See `Operation`."""
        return self.use.words

    @property
    def uses(self) -> Iterator[Use]:
        """See `Operation`."""
        yield self.use

    def run(self, value: Any, k: Any) -> Any:
        """See `Operation`."""
        return self.use(value, k)

    def lines(self) -> list[str]:
        """See `Operation`."""
        return [f"value = {self.use.call('value')}"]


@dataclass(frozen=True)
class Each:
    """Apply one step to each member of a list."""

    use: Use

    @property
    def takes(self) -> str:
        """See `Operation`."""
        return LIST_OF[self.use.step.takes]

    @property
    def gives(self) -> str:
        """See `Operation`."""
        return LIST_OF[self.use.step.gives]

    @property
    def words(self) -> str:
        """See `Operation`."""
        member = {"int": "number", "str": "text"}[self.use.step.takes]
        return f"to each {member} of the list apart, and in its place, do this: {self.use.words}"

    @property
    def uses(self) -> Iterator[Use]:
        """See `Operation`."""
        yield self.use

    def run(self, value: Any, k: Any) -> Any:
        """See `Operation`."""
        result = [self.use(item, k) for item in value]
        _bounded(result)
        return result

    def lines(self) -> list[str]:
        """See `Operation`."""
        return [f"value = [{self.use.call('item')} for item in value]"]


@dataclass(frozen=True)
class Choose:
    """Apply one of two steps, chosen by a condition on the value."""

    condition: Use
    then: Use
    otherwise: Use

    @property
    def takes(self) -> str:
        """See `Operation`."""
        return self.then.step.takes

    @property
    def gives(self) -> str:
        """See `Operation`."""
        return self.then.step.gives

    @property
    def words(self) -> str:
        """See `Operation`."""
        return f"where {self.condition.words}, {self.then.words}; otherwise {self.otherwise.words}"

    @property
    def uses(self) -> Iterator[Use]:
        """See `Operation`."""
        yield from (self.condition, self.then, self.otherwise)

    def run(self, value: Any, k: Any) -> Any:
        """See `Operation`."""
        return (self.then if self.condition(value, k) else self.otherwise)(value, k)

    def lines(self) -> list[str]:
        """See `Operation`."""
        return [
            f"if {self.condition.call('value')}:",
            f"    value = {self.then.call('value')}",
            "else:",
            f"    value = {self.otherwise.call('value')}",
        ]


def _bounded(value: Any) -> None:
    small = abs(value) <= LARGEST if isinstance(value, int) else len(value) <= MOST_MEMBERS
    if not small:
        raise TooLarge
