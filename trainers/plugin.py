"""Plug-ins: one class per method, registered under its name at its extension point.

A plug-in is its own configuration: a pydantic model whose fields are its settings and whose call
does the work. A recipe names it (``advantage: {name: grpo, std: batch}``); the fields are checked
where the recipe is read, with the path of whatever is wrong. A class that is not registered is
named by where it is: ``advantage: {name: "my_methods:Ranked"}``; an installed package offers its
own by an entry point of the group ``envgym.advantage``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from envgym.errors import UsageError
from envgym.utils.extensions import find_extension


class Plugin(BaseModel):
    """Base of all plug-ins.

    Attributes:
        point: The extension point: ``sampler``, ``guidance``, ``reward``, ``advantage``, ``loss``,
            ``batching`` or ``hook``.
        name: What recipes call it.
        needs: Names of the token data that it reads (`trainers.learner.rescoring`).
    """

    model_config = ConfigDict(extra="forbid")

    point: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset()
    name: str = ""

    def conflict(self, config: Any) -> str | None:
        """Report a conflict with a run's `Config` and the fix; None where there is none."""

    def state(self) -> dict[str, Any]:
        """State for a checkpoint, as JSON values."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the plug-in from `state`."""


def wrong_denominator(config: Any, wanted: str) -> str | None:
    """Report a `learner.denominator` other than the one that a method's loss is defined with."""
    if config.learner.denominator == wanted:
        return None
    return (
        f"its loss is a mean of another kind than learner.denominator "
        f"{config.learner.denominator!r}: set learner.denominator to {wanted}"
    )


PluginT = TypeVar("PluginT", bound=Plugin)
PLUGINS: dict[str, dict[str, type[Plugin]]] = {}


def register(name: str) -> Callable[[type[PluginT]], type[PluginT]]:
    """Class decorator: make a plug-in known under `name` at its class's extension point."""

    def add(cls: type[PluginT]) -> type[PluginT]:
        PLUGINS.setdefault(cls.point, {})[name] = cls
        cls.model_fields["name"].default = name
        cls.model_rebuild(force=True)
        return cls

    return add


def build(point: str, value: Any) -> Any:
    """The plug-in that a recipe's entry names.

    Args:
        point: The extension point.
        value: A name, or a mapping with ``name`` and the plug-in's settings. The name is a
            registered one or ``module:Class``.
    """
    if isinstance(value, Plugin):
        return value
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict) or "name" not in value:
        raise ValueError(f"write the {point}'s name, or a mapping with its name and settings")
    name = str(value["name"])
    try:
        found = find_extension(point, name, PLUGINS.get(point, {}))
    except UsageError as error:
        raise ValueError(str(error)) from error
    return _checked(point, name, found).model_validate(value)


def _checked(point: str, name: str, found: Any) -> type[Plugin]:
    """The class that was found: a whole plug-in of that extension point."""
    base = next(cls for cls in Plugin.__subclasses__() if cls.point == point)
    if not (inspect.isclass(found) and issubclass(found, base)):
        package = base.__module__.rpartition(".")[0]
        raise ValueError(f"{name} is no {point}: derive it from {package}.{base.__name__}")
    if inspect.isabstract(found):
        raise ValueError(f"{name} must define {', '.join(sorted(found.__abstractmethods__))}")
    return found


def entry(point: str) -> BeforeValidator:
    """Annotation of a config field that holds a plug-in of that extension point."""
    return BeforeValidator(lambda value: build(point, value))
