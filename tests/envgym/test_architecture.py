"""The shape of the source tree: no import circles, arrows downwards, folders of a readable size."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINKED_ROOMS = ("agents", "environments", "sandboxes", "trainers")
"""Packages that stand beside ``envgym/`` and are linked into it."""

LAYERS = (
    {"errors", "stop_reason"},
    {"deadlines", "resources", "task", "utils"},
    {"parsing"},
    {"messages"},
    {"tools", "trajectory"},
    {"env"},
    {"chat", "tool_env"},
    {"agent", "registry"},
    {"gymnasium_compat", "rollout", "store", "vector"},
    {"__init__"},  # the public names of the package
    {"agents", "sandboxes", "view"},
    {"environments"},
    {"trainers"},
    {"checker", "serve"},
    {"cli", "pytest_plugin"},
)
"""Rooms from the lowest to the highest: each may import from lower layers alone."""

MOST_MODULES = 16
MANY_OF_A_KIND = {"environments/verilog/generated", "sandboxes/suites/attacks"}
"""Folders of designs and attack cases: as many modules as there are cases."""

METAPHORS = {
    "keeper",
    "place",
    "tenant",
    "nursery",
    "birth",
    "guest",
    "company",
    "sweep",
    "sketch",
    "lives",
    "sheets",
    "stage",
    "census",
    "trial",
    "drawing",
    "inbox",
    "holdings",
    "once",
    "recall",
}


@cache
def modules() -> dict[str, Path]:
    """The file of each module, by its import name."""
    found: dict[str, Path] = {}
    for room in ("envgym", *LINKED_ROOMS):
        for folder, folders, files in os.walk(ROOT / room):  # does not follow the links
            folders[:] = [name for name in folders if name != "__pycache__"]
            for file in files:
                path = Path(folder, file)
                if path.suffix == ".py":
                    parts = path.relative_to(ROOT).with_suffix("").parts
                    name = ".".join(parts if room == "envgym" else ("envgym", *parts))
                    found[name.removesuffix(".__init__")] = path
    return found


@cache
def imports() -> dict[str, set[str]]:
    """The modules of ours that each module imports, anywhere in its file, for typing included."""
    return {name: set(imported_by(path)) - {name} for name, path in modules().items()}


def imported_by(path: Path) -> Iterator[str]:
    known = modules()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                yield below if below in known else node.module


def room(module: str) -> str:
    return ([*module.split("."), "__init__"])[1]


def test_modules_are_found_through_the_links() -> None:
    assert len(modules()) > 500
    assert "envgym.env" in imports()["envgym.vector.vector_env"]
    assert "envgym.trajectory" in imports()["envgym.env"], "imports for typing count"
    assert {room(name) for name in modules()} >= set(LINKED_ROOMS)


def test_there_is_no_circle_of_imports() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' <- '.join(error.args[1])}")


def test_rooms_import_from_lower_layers_alone() -> None:
    level = {name: height for height, names in enumerate(LAYERS) for name in names}
    assert {room(name) for name in modules()} == level.keys()
    upwards = [
        f"{name} imports {other}"
        for name, others in imports().items()
        for other in others
        if room(name) != room(other) and level[room(other)] >= level[room(name)]
    ]
    assert not upwards, "\n".join(sorted(upwards))


def test_no_folder_holds_more_modules_than_can_be_read() -> None:
    folders: dict[str, int] = {}
    for path in modules().values():
        if path.name != "__init__.py":
            folder = str(path.parent.relative_to(ROOT))
            folders[folder] = folders.get(folder, 0) + 1
    crowded = {f: n for f, n in folders.items() if n > MOST_MODULES and f not in MANY_OF_A_KIND}
    assert not crowded


def test_no_module_is_named_by_a_metaphor() -> None:
    assert not [name for name in modules() if METAPHORS & set(name.rpartition(".")[2].split("_"))]


def test_the_contract_loads_what_stands_on_it_on_demand() -> None:
    """No module of ``envgym/`` imports a linked room where it is itself imported."""
    found = [
        f"{name}:{node.lineno}"
        for name, path in modules().items()
        if path.is_relative_to(ROOT / "envgym")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ImportFrom)
        and any(f"{node.module}.".startswith(f"envgym.{room}.") for room in LINKED_ROOMS)
    ]
    assert found == []
