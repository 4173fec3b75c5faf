"""Former names of config fields, readable for one release.

Each renamed field lists its former name as a validation alias, so that recipes and recorded configs
load as they are. This module translates the dotted paths of overrides and of a reproduction's
settings. A path writes the index of a list as ``*``: ``losses.*.least``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import AliasChoices, BaseModel

from envgym.trainers.config import Config
from envgym.trainers.plugin import PLUGINS


def former_paths() -> dict[str, str]:
    """Dotted path of every former field name, to the path of today."""
    return dict(_renamed(Config, ""))


def present_path(path: str) -> str:
    """A dotted path in today's names; list indices stay (``losses.0.min_weight``)."""
    today = former_paths()
    parts: list[str] = []
    for part in path.split("."):
        parts.append(_last(today.get(_pattern([*parts, part]), part)))
    return ".".join(parts)


def with_present_names(values: Any) -> Any:
    """A recipe's values in today's names; a former name beside its new one stays, as an error."""
    return _rename(values, "", lambda path: _last(present_path(path)))


def with_former_names(values: Any) -> Any:
    """A recipe's values, or dotted settings, with every renamed field under its former name.

    A fingerprint is computed on these, so that a change of names alone does not change it.
    """
    former = {new: _last(old) for old, new in former_paths().items()}

    def name(path: str) -> str:
        present = present_path(path)
        return former.get(_pattern(present.split(".")), _last(path))

    return _rename(values, "", name)


def _rename(values: Any, path: str, name: Callable[[str], str]) -> Any:
    """Rename the last part of every key of nested mappings, by its path."""
    if isinstance(values, list):
        return [_rename(value, _join(path, "*"), name) for value in values]
    if not isinstance(values, dict):
        return values
    found: dict[Any, Any] = {}
    for key, value in values.items():
        place = _join(path, str(key))
        renamed = _join(str(key).rpartition(".")[0], name(place))
        kept = renamed == str(key) or renamed in values
        found[key if kept else renamed] = _rename(value, present_path(place), name)
    return found


def _renamed(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        path = _join(prefix, name)
        if isinstance(field.validation_alias, AliasChoices):
            for alias in field.validation_alias.choices:
                if alias != name:
                    yield _join(prefix, str(alias)), path
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _renamed(field.annotation, path)
    if not prefix:
        for loss in PLUGINS["loss"].values():
            yield from _renamed(loss, "losses.*")


def _pattern(parts: list[str]) -> str:
    return ".".join("*" if part.isdigit() else part for part in parts)


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _last(path: str) -> str:
    return path.rpartition(".")[2]
