"""Extensions by name: registered, installed by another package, or named by where they are.

Everything that users extend (plug-ins of the trainer, agents, sandbox backends) is found this one
way: by a known name, by ``module:Class``, or by an entry point in the group ``envgym.KIND``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any

from envgym.errors import UsageError, suggest


def find_extension(kind: str, name: str, known: Mapping[str, Any]) -> Any:
    """Find what a name stands for.

    Args:
        kind: Kind of extension in the singular, such as ``loss``; an installed package offers its
            own by entry points of the group ``envgym.loss``.
        name: A known name, ``module:Class``, or the name of an entry point.
        known: Objects by name; a str is the ``module:Class`` of one that is not imported yet.

    Raises:
        UsageError: There is no such name, module or attribute.
    """
    if name in known:
        found = known[name]
        return import_path(found) if isinstance(found, str) else found
    if ":" in name:
        return import_path(name)
    points = {point.name: point for point in entry_points(group=f"envgym.{kind}")}
    if name in points:
        return points[name].load()
    raise UsageError(f"no {kind.replace('_', ' ')} {name!r}.{suggest(name, [*known, *points])}")


def import_path(path: str) -> Any:
    """Import the object that ``module:attribute`` names.

    Raises:
        UsageError: There is no such module or attribute.
    """
    try:
        return resolve_name(path)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{path}: no module {error.name!r}; install it, run in the folder that holds it, or "
            "put that folder on PYTHONPATH"
        ) from error
    except (AttributeError, ValueError) as error:
        raise UsageError(f"{path}: {error}; write module:Class") from error
