"""Names of modules of the release before: each still imports, and is the present module."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from envgym.utils.moved_modules import MOVED, PREFIX, present_name


def test_every_former_name_is_the_present_module() -> None:
    """In a process of its own: modules that tests change stay as they are."""
    code = """
import sys, warnings
from importlib import import_module
from envgym.utils.moved_modules import MOVED, PREFIX
warnings.simplefilter("ignore")
for former, present in MOVED.items():
    try:
        module = import_module(PREFIX + former)
    except ModuleNotFoundError as error:  # an extra that is not installed
        assert not error.name.startswith("envgym"), former
        continue
    assert module is import_module(PREFIX + present), former
    assert module.__spec__.name == PREFIX + present, module.__spec__
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_former_name_warns_where_it_is_imported() -> None:
    sys.modules.pop("envgym.sketch", None)
    with pytest.warns(DeprecationWarning, match=r"envgym.sketch is now envgym.chat.skeleton") as w:
        module = import_module("envgym.sketch")
    assert module is import_module("envgym.chat.skeleton")
    assert len(w) == 1


def test_a_module_below_a_moved_package_moves_with_it() -> None:
    name = "envgym.dialects.families.kimi"
    assert present_name(name) == "envgym.chat.dialects.families.kimi"
    with pytest.warns(DeprecationWarning, match="envgym.dialects is now"):
        assert import_module(name) is import_module(str(present_name(name)))


@pytest.mark.parametrize("name", ["envgym.chat", "envgym.vector", "envgymnasium", "json"])
def test_present_names_are_left_alone(name: str) -> None:
    assert present_name(name) is None


def test_no_former_name_hides_a_present_module() -> None:
    assert not {*MOVED} & {*MOVED.values()}
    assert PREFIX == "envgym."


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("envgym.chat", ["Chat"]),
        ("envgym.rollout", ["Limits", "Rollout", "Start"]),
        ("envgym.store", ["EpisodeWriter", "read_episodes"]),
        ("envgym.vector", ["VectorEnv", "make_vec"]),
        ("envgym.gym_bridge", ["SyncEnv"]),
        ("envgym.trainers.batch", ["Group", "Sample", "TrainRow", "train_rows"]),
        ("envgym.sandboxes.backends", ["open_backend"]),
        ("envgym.sandboxes.pool", ["Pool"]),
    ],
)
def test_packages_export_what_the_modules_of_their_names_did(module: str, names: list[str]) -> None:
    assert all(hasattr(import_module(module), name) for name in names)
