"""A step: a plain function that is at once a sentence of a task and a piece of its reference.

Its docstring is what the statement says, its signature is its type, its source is the reference's.
So there is one truth: what a task's tests expect is what these functions give, called here, and
the reference that is shipped into a box is their text. They use nothing beyond the builtins.
"""

from __future__ import annotations

import ast
import inspect
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

INTS, TEXTS, TEXT, INT, BOOL = "list[int]", "list[str]", "str", "int", "bool"
ELEMENT = {INTS: INT, TEXTS: TEXT}
"""What the members of a list are."""
LIST_OF = {INT: INTS, TEXT: TEXTS}


@dataclass(frozen=True)
class Step:
    """One transformation of a value, or a condition about it.

    Attributes:
        function: What it does: of a value, and of one parameter where `choices` is not empty.
        takes: The value's type, as Python writes it.
        gives: The result's.
        choices: The values of its parameter, ints or strings.
    """

    function: Callable[..., Any]
    takes: str
    gives: str
    choices: Sequence[Any] = ()

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    def words(self, parameter: str) -> str:
        """What it does, as a statement says it."""
        return " ".join((self.function.__doc__ or "").split()).format(k=parameter)

    @cached_property
    def source(self) -> str:
        """The function's text, bare of its docstring and decorator."""
        tree = ast.parse(inspect.getsource(self.function))
        (definition,) = tree.body
        assert isinstance(definition, ast.FunctionDef)
        definition.decorator_list = []
        definition.body = definition.body[1:]
        return ast.unparse(tree)

    def draw(self, rng: random.Random) -> Any:
        """A value for its parameter; None where it has none."""
        return rng.choice(self.choices) if self.choices else None


STEPS: dict[str, Step] = {}
CONDITIONS: dict[str, Step] = {}


def step(*choices: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function a step, or a condition where it gives a bool.

    Args:
        choices: What its parameter, if it has one, may be.
    """

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(function)
        parameters = list(inspect.signature(function).parameters)
        assert len(parameters) == 1 + bool(choices), function.__name__
        made = Step(function, _named(hints[parameters[0]]), _named(hints["return"]), choices)
        known = CONDITIONS if made.gives == BOOL else STEPS
        known[made.name] = made
        return function

    return mark


def _named(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and hint in (int, str, bool) else str(hint)
