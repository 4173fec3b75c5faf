"""Extensions: found by a known name, by where they are, or by an entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from envgym.errors import UsageError
from envgym.sandboxes.backends.registry import open_backend
from envgym.trainers.plugin import build
from envgym.utils.extensions import find_extension

MODULE = """
from envgym.sandboxes.backends.unsafe import UnsafeBackend
from envgym.trainers.agents import Local
from envgym.trainers.losses import Clip

class Narrow(Clip):
    low: float = 0.1

class Mine(UnsafeBackend):
    pass

class Own(Local):
    pass
"""
POINTS = """
[envgym.loss]
narrow = {name}:Narrow
[envgym.sandbox_backend]
mine = {name}:Mine
[envgym.agent]
own = {name}:Own
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A package that is installed as others are: a module and its metadata."""
    name = "installed_" + "".join(c if c.isalnum() else "_" for c in request.node.name)
    (tmp_path / f"{name}.py").write_text(MODULE)
    info = tmp_path / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS.format(name=name))
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_an_installed_package_offers_its_own_by_name(module: str) -> None:
    assert build("loss", {"name": "narrow"}).low == 0.1
    assert type(build("agent", "own")).__name__ == "Own"


async def test_a_backend_of_ones_own_is_opened_by_name_and_by_place(module: str) -> None:
    for name in ("mine", f"{module}:Mine"):
        async with open_backend(name) as backend:
            assert type(backend).__name__ == "Mine"


def test_a_known_name_comes_first(module: str) -> None:
    assert find_extension("loss", "narrow", {"narrow": "os.path:join"}).__name__ == "join"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("narow", r"no loss 'narow'. Did you mean 'narrow'\?"),
        ("nowhere:Loss", "nowhere:Loss: no module 'nowhere'; install it"),
        ("os:nothing", "has no attribute 'nothing'; write module:Class"),
    ],
)
def test_what_is_not_there_is_named(module: str, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_extension("loss", name, {})


def test_what_is_no_backend_is_refused() -> None:
    with pytest.raises(UsageError, match=r"os\.path:join is no sandbox backend: derive it from"):
        open_backend("os.path:join")
