"""Registry of environments by id.

Ids are ``family/name-vN``. An entry names ``module:Class`` and loads nothing until `make`. Packages
add theirs by the entry point group ``envgym.environments``, whose target is called once.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any

from envgym.env import Env, EnvSpec
from envgym.errors import UsageError, suggest
from envgym.utils.extensions import import_path
from envgym.utils.served_address import served_address
from envgym.utils.source_docs import docstring, first_sentence

_ID = re.compile(r"[a-z0-9_.-]+/[a-z0-9_.-]+-v\d+")
_specs: dict[str, EnvSpec] = {}
_classes: dict[str, Callable[..., Env[Any]]] = {}
_plugins_loaded = False

BUILTIN = {
    "code/python-v1": "envgym.environments.code.write_program:WriteProgram",
    "code/reason-v1": "envgym.environments.code.reason.environment:ReasonAboutProgram",
    "puzzles/frozen-lake-v1": "envgym.environments.puzzles.grid.frozen_lake:FrozenLake",
    "puzzles/key-door-v1": "envgym.environments.puzzles.grid.key_door:KeyDoor",
    "puzzles/knights-v1": "envgym.environments.puzzles.knights.environment:Knights",
    "puzzles/math-v1": "envgym.environments.puzzles.math.environment:Mathematics",
    "puzzles/np-v1": "envgym.environments.puzzles.np.environment:NpHard",
    "puzzles/reasoning-gym-v1": (
        "envgym.environments.puzzles.reasoning_gym.environment:ReasoningGym"
    ),
    "puzzles/sokoban-v1": "envgym.environments.puzzles.grid.sokoban:Sokoban",
    "puzzles/strings-v1": "envgym.environments.puzzles.strings.environment:Strings",
    "search/wiki-v1": "envgym.environments.search.wiki:WikiSearch",
    "verilog/design-v1": "envgym.environments.verilog.write_design:VerilogDesign",
    "web/miniwob-v1": "envgym.environments.web.miniwob.environment:MiniWob",
    "web/sites-v1": "envgym.environments.web.sites.environment:WebSites",
}


def register(
    id: str,
    entry_point: str | Callable[..., Env[Any]],
    *,
    kwargs: dict[str, Any] | None = None,
    max_turns: int | None = None,
) -> None:
    """Register an environment under an id.

    Args:
        id: ``family/name-vN``.
        entry_point: ``module:Class``, or the class itself.
        kwargs: Defaults for its constructor.
        max_turns: Overrides the class's turn limit.
    """
    if not _ID.fullmatch(id):
        raise UsageError(f"bad id {id!r}: write family/name-vN in lower case")
    if id in _specs:
        raise UsageError(f"{id} is registered already: raise its version")
    path = entry_point if isinstance(entry_point, str) else None
    if callable(entry_point):
        _classes[id] = entry_point
    _specs[id] = EnvSpec(id, kwargs or {}, max_turns, path)


def specs() -> dict[str, EnvSpec]:
    """Specifications of all registered environments, by id."""
    _load_plugins()
    return dict(sorted(_specs.items()))


def make(id: str, **kwargs: Any) -> Env[Any]:
    """Make an environment instance from an id, a class path or a server address.

    Args:
        id: Registered id; ``name-vN`` alone serves where no other family has it. Or
            ``module:Class``, an environment that is not registered; or
            ``ws://host:port/family/name-vN``, one that `envgym serve` serves there (the scheme may
            be left out where the port is named).
        kwargs: Arguments of its constructor; they override the registered ones.

    Raises:
        UsageError: Unknown id (the nearest is named) or arguments the environment does not take.
    """
    if (url := served_address(id)) is not None:
        return _served(url, kwargs)
    _load_plugins()
    spec = _specs.get(id) or (_unregistered(id) if ":" in id else _by_short_name(id))
    cls = load_class(spec)
    merged = {**spec.kwargs, **kwargs}
    if spec.max_turns is not None:
        merged.setdefault("max_turns", spec.max_turns)
    _check_kwargs(spec.id, cls, merged)
    env = cls(**merged)
    env.spec = replace(spec, kwargs=merged, max_turns=env.max_turns)
    return env


def _served(url: str, kwargs: dict[str, Any]) -> Env[Any]:
    try:
        client = importlib.import_module("envgym.serve.client")  # a layer above: loaded by name
    except ModuleNotFoundError as error:
        raise UsageError(f"{url} needs {error.name}: pip install 'envgym[serve]'") from error
    return client.RemoteEnv(url, **kwargs)


def _unregistered(path: str) -> EnvSpec:
    name = path.partition(":")[2].lower()
    return EnvSpec(f"{name}-v0", entry_point=path)


def _by_short_name(id: str) -> EnvSpec:
    found = [s for s in _specs.values() if s.id.partition("/")[2] == id]
    if len(found) == 1:
        return found[0]
    raise UsageError(f"no environment {id!r}.{suggest(id, _specs)} `envgym list` shows all.")


def about(spec: EnvSpec) -> str:
    """One-sentence description of an environment: the first sentence of its class's docstring.

    It is read from the source where the class has not been loaded, so that listing loads none.
    """
    doc = None
    if spec.id not in _classes and spec.entry_point is not None:
        doc = docstring(spec.entry_point)
    if doc is None:  # made by a function, or inherited
        try:
            doc = load_class(spec).__doc__
        except UsageError as error:
            doc = f"({error})"
    return first_sentence(doc or "")


def load_class(spec: EnvSpec) -> Callable[..., Env[Any]]:
    """Import the class of a spec on first use."""
    if spec.id in _classes:
        return _classes[spec.id]
    assert spec.entry_point is not None
    cls: Callable[..., Env[Any]] = import_path(spec.entry_point)
    _classes[spec.id] = cls
    return cls


def _check_kwargs(id: str, cls: Callable[..., Env[Any]], kwargs: dict[str, Any]) -> None:
    parameters = inspect.signature(cls).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return
    for name in kwargs:
        if name not in parameters:
            raise UsageError(f"{id} takes no argument {name!r}.{suggest(name, parameters)}")


def _load_plugins() -> None:
    global _plugins_loaded
    if _plugins_loaded:
        return
    _plugins_loaded = True
    for id, path in BUILTIN.items():
        register(id, path)
    for point in entry_points(group="envgym.environments"):
        point.load()()
