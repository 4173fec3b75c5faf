"""Field access to one row, with errors that name the wrong field and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envgym.environments.code.problem import Problem, Suite
from envgym.environments.rows import read_json


class BadRow(ValueError):
    """A row without a usable problem; the message says why."""


@dataclass(frozen=True)
class Loaded:
    """Problem as read from a row, not yet verified.

    Attributes:
        where: File and line, or data set and row.
        problem: The problem; its reference is still empty.
        references: Sources that the row states as right, in the order to try them.
        readings: Alternative suites where the form of the tests is ambiguous; a reference decides,
            and without one the problem's own suite accepts any reading.
    """

    where: str
    problem: Problem
    references: tuple[str, ...] = ()
    readings: tuple[Suite, ...] = ()


@dataclass(frozen=True)
class Row:
    """Fields of one row, by name."""

    fields: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def text(self, *names: str) -> str:
        """First non-empty field of these names.

        Raises:
            BadRow: None of them does, or it is no text.
        """
        for name in names:
            value = self.fields.get(name)
            if isinstance(value, str) and value.strip():
                return value
            if value not in (None, "") and not isinstance(value, str):
                raise BadRow(f'"{name}" is a {type(value).__name__}, not a text')
        raise BadRow(f"no {' or '.join(names)} in it")

    def optional(self, name: str) -> str:
        """Text of a field, or "" where the row has none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """List of texts; empty where the row has none.

        Raises:
            BadRow: The field is no list of texts.
        """
        value = self.fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BadRow(f'"{name}" is not a list of texts')
        return value

    def json(self, name: str) -> Any:
        """Value of a field that is JSON or JSON text.

        Raises:
            BadRow: The text is no JSON.
        """
        value = self.fields.get(name)
        if not isinstance(value, str):
            return value
        try:
            return read_json(value) if value.strip() else None
        except (ValueError, RecursionError) as error:
            raise BadRow(f'"{name}" is no JSON ({error})') from None
