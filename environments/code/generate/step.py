"""Step: a plain function that is both a sentence of a task and a part of its reference.

The docstring is the wording in the statement, the signature is the type, the source goes into the
reference. So tests and reference cannot disagree: expected results come from calling these
functions. They use built-ins only.
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
"""Member type per list type."""
LIST_OF = {INT: INTS, TEXT: TEXTS}


@dataclass(frozen=True)
class Step:
    """One transformation of a value, or a condition on it.

    Attributes:
        function: Function of a value, and of one parameter where `choices` is not empty.
        takes: Type of the value, in Python's notation.
        gives: Type of the result.
        choices: Possible values of the parameter, ints or strings.
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
        """Wording in a statement."""
        return " ".join((self.function.__doc__ or "").split()).format(k=parameter)

    @cached_property
    def source(self) -> str:
        """Source of the function without docstring and decorator."""
        tree = ast.parse(inspect.getsource(self.function))
        (definition,) = tree.body
        assert isinstance(definition, ast.FunctionDef)
        definition.decorator_list = []
        definition.body = definition.body[1:]
        return ast.unparse(tree)

    def draw(self, rng: random.Random) -> Any:
        """Random parameter value; None where it takes none."""
        return rng.choice(self.choices) if self.choices else None


STEPS: dict[str, Step] = {}
CONDITIONS: dict[str, Step] = {}


def step(*choices: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a step, or as a condition where it returns a bool.

    Args:
        choices: Possible values of its parameter, if it has one.
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
