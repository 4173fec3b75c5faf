"""docs/algorithms.md names every registered method, with its formula and its file."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import envgym.trainers.config  # noqa: F401  registers every plug-in
from envgym.trainers.plugin import PLUGINS, Plugin

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "algorithms.md").read_text()
ROWS = re.findall(r"^\| (?:\w+ )?`([^`]+)` \| (.+?) \| (.+?) \| (.*?) ?\| (.+?) \|$", PAGE, re.M)
METHODS = [
    (point, name, cls) for point, known in sorted(PLUGINS.items()) for name, cls in known.items()
]


@pytest.mark.parametrize(("point", "name", "cls"), METHODS)
def test_every_method_is_on_the_page(point: str, name: str, cls: type[Plugin]) -> None:
    path = Path(str(sys.modules[cls.__module__].__file__)).resolve().relative_to(ROOT.resolve())
    files = [file for row_name, *_, file in ROWS if row_name == name]
    link = f"[{path.stem}](../{path.as_posix()})"
    assert link in files, f"docs/algorithms.md: a row for {point} `{name}` that ends in {link}"


def test_the_page_names_nothing_else() -> None:
    assert len(ROWS) == len(METHODS)
    assert {name for name, *_ in ROWS} == {name for _, name, _ in METHODS}


@pytest.mark.parametrize(("point", "name", "cls"), METHODS)
def test_every_method_says_what_it_is(point: str, name: str, cls: type[Plugin]) -> None:
    assert cls.__doc__
    assert cls.__doc__ != Plugin.__doc__
    assert cls.model_fields["name"].default == name
    if point in ("advantage", "loss") and name != "sft":
        assert "Trap:" in cls.__doc__, "what is easily got wrong about it"
