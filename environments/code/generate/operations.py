"""What a composition is made of: a step applied, applied to each member, or chosen by a condition.

Every action is three things at once, kept side by side: what it does to a value, how the statement
says it, and the lines of the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from envgym.environments.code.generate.step import LIST_OF, Step

MOST_MEMBERS = 60
LARGEST = 10**6


class TooLarge(Exception):
    """A value has outgrown what a task's tests should hold."""


class Argument:
    """Stands for the task's second argument where a parameter is due."""

    name = "k"


ARGUMENT = Argument()


@dataclass(frozen=True)
class Use:
    """A step with its parameter: a value, `ARGUMENT`, or None where it takes none."""

    step: Step
    parameter: Any = None

    def __call__(self, value: Any, k: Any) -> Any:
        """The step's result for a value and the task's second argument.

        Raises:
            TooLarge: It is beyond the bounds.
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
        """As a statement says it."""
        given = self.parameter
        return self.step.words(given.name if isinstance(given, Argument) else repr(given))

    def call(self, subject: str) -> str:
        """As Python source."""
        if not self.step.choices:
            return f"{self.step.name}({subject})"
        given = self.parameter
        shown = given.name if isinstance(given, Argument) else repr(given)
        return f"{self.step.name}({subject}, {shown})"


class Action(Protocol):
    """One numbered sentence of a statement."""

    @property
    def takes(self) -> str:
        """The type of the value before."""

    @property
    def gives(self) -> str:
        """The type of the value after."""

    @property
    def words(self) -> str:
        """The sentence."""

    @property
    def uses(self) -> Iterator[Use]:
        """The steps in it, conditions included."""

    def run(self, value: Any, k: Any) -> Any:
        """The value after."""

    def lines(self) -> list[str]:
        """The reference's lines, about a variable ``value``."""


@dataclass(frozen=True)
class Apply:
    """One step on the whole value."""

    use: Use

    @property
    def takes(self) -> str:
        """See `Action`."""
        return self.use.step.takes

    @property
    def gives(self) -> str:
        """See `Action`."""
        return self.use.step.gives

    @property
    def words(self) -> str:
        """See `Action`."""
        return self.use.words

    @property
    def uses(self) -> Iterator[Use]:
        """See `Action`."""
        yield self.use

    def run(self, value: Any, k: Any) -> Any:
        """See `Action`."""
        return self.use(value, k)

    def lines(self) -> list[str]:
        """See `Action`."""
        return [f"value = {self.use.call('value')}"]


@dataclass(frozen=True)
class Each:
    """One step on each member of a list."""

    use: Use

    @property
    def takes(self) -> str:
        """See `Action`."""
        return LIST_OF[self.use.step.takes]

    @property
    def gives(self) -> str:
        """See `Action`."""
        return LIST_OF[self.use.step.gives]

    @property
    def words(self) -> str:
        """See `Action`."""
        member = {"int": "number", "str": "text"}[self.use.step.takes]
        return f"to each {member} of the list apart, and in its place, do this: {self.use.words}"

    @property
    def uses(self) -> Iterator[Use]:
        """See `Action`."""
        yield self.use

    def run(self, value: Any, k: Any) -> Any:
        """See `Action`."""
        result = [self.use(item, k) for item in value]
        _bounded(result)
        return result

    def lines(self) -> list[str]:
        """See `Action`."""
        return [f"value = [{self.use.call('item')} for item in value]"]


@dataclass(frozen=True)
class Choose:
    """One of two steps, as a condition about the value says."""

    condition: Use
    then: Use
    otherwise: Use

    @property
    def takes(self) -> str:
        """See `Action`."""
        return self.then.step.takes

    @property
    def gives(self) -> str:
        """See `Action`."""
        return self.then.step.gives

    @property
    def words(self) -> str:
        """See `Action`."""
        return f"where {self.condition.words}, {self.then.words}; otherwise {self.otherwise.words}"

    @property
    def uses(self) -> Iterator[Use]:
        """See `Action`."""
        yield from (self.condition, self.then, self.otherwise)

    def run(self, value: Any, k: Any) -> Any:
        """See `Action`."""
        return (self.then if self.condition(value, k) else self.otherwise)(value, k)

    def lines(self) -> list[str]:
        """See `Action`."""
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
