"""Recipes: load a YAML file as a `Config`, changed by dotted overrides."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from envgym.errors import UsageError, suggest
from envgym.trainers.config import Config
from envgym.trainers.former_names import present_path, with_present_names
from envgym.utils.validation_text import first_problem

ConfigT = TypeVar("ConfigT", bound=BaseModel)


def recipes() -> dict[str, Path]:
    """Paths of the recipes that come with envgym, by name."""
    folder = Path(str(resources.files("envgym.trainers.recipes")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_config(recipe: str | Path, overrides: list[str] | None = None) -> Config:
    """Read a recipe and apply overrides.

    Args:
        recipe: Path of a YAML file, or the name of one that comes with envgym.
        overrides: ``path.to.field=value``, values in YAML.

    Raises:
        UsageError: The recipe does not exist, its YAML is broken, or a field is wrong; the message
            names the field's path.
    """
    return load_as(Config, recipe, overrides)


def load_as(kind: type[ConfigT], recipe: str | Path, overrides: list[str] | None = None) -> ConfigT:
    """Read a recipe of another kind than a training run's; all else as `load_config`."""
    path = Path(recipe)
    if not path.suffix:
        known = recipes()
        if str(recipe) not in known:
            raise UsageError(f"no recipe {str(recipe)!r}.{suggest(str(recipe), known)}")
        path = known[str(recipe)]
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: broken YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path}: a recipe is a mapping of fields")
    values = with_present_names(values)  # so that an override replaces a value by either name
    for override in overrides or []:
        _override(values, override)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise UsageError(f"{path.name}: {first_problem(error)}{more}") from error


def _override(values: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals:
        raise UsageError(f"write overrides as field=value, not {override!r}")
    name = present_path(name)
    *path, last = name.split(".")
    place: Any = values
    for depth, part in enumerate(path):
        if isinstance(place, list):
            place = place[_index(part, place, name)]
            continue
        place = place.setdefault(part, {})
        if not isinstance(place, dict | list):
            raise UsageError(f"{'.'.join(path[: depth + 1])} is a value: it has no field {last!r}")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{name}: {text!r} is no YAML value") from error
    if isinstance(place, list):
        place[_index(last, place, name)] = value
    else:
        place[last] = value


def _index(part: str, place: list[Any], name: str) -> int:
    if not part.isdigit() or int(part) >= len(place):
        raise UsageError(f"{name}: {part!r} is no index of a list of {len(place)}")
    return int(part)
