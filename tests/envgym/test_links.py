"""A checkout without symbolic links is refused: imported, built or set up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINKS = ("agents", "environments", "sandboxes", "trainers")
BUILD = "from setuptools import build_meta; print(build_meta.get_requires_for_build_wheel())"
TRIES = {
    "import": [sys.executable, "-c", "import envgym.sandboxes"],
    "build": [sys.executable, "-c", BUILD],
    "setup": ["make", "-s", "setup", f"PYTHON={sys.executable}"],
}


def checkout(folder: Path, links: bool) -> Path:
    """A copy of what is looked at, its links as git writes them with or without links."""
    for name in (
        "pyproject.toml",
        "setup.py",
        "Makefile",
        "README.md",
        "LICENSE",
        "constraints.txt",
    ):
        shutil.copy(ROOT / name, folder)
    (folder / "envgym").mkdir()
    shutil.copy(ROOT / "envgym" / "__init__.py", folder / "envgym")
    shutil.copytree(ROOT / "envgym" / "utils", folder / "envgym" / "utils")
    for name in LINKS:
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
        link = folder / "envgym" / name
        if links:
            link.symlink_to(f"../{name}")
        else:
            link.write_text(f"../{name}")
    return folder


def run(argv: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("what", TRIES)
def test_a_checkout_without_links_is_refused(what: str, tmp_path: Path) -> None:
    done = run(TRIES[what], checkout(tmp_path, links=False))
    assert done.returncode != 0
    told = done.stderr.strip().splitlines()
    assert any("envgym/agents is not a folder" in line for line in told), done
    assert any("core.symlinks true" in line for line in told)
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("what", ["import", "build"])
def test_a_checkout_with_links_is_not(what: str, tmp_path: Path) -> None:
    if what == "build":
        pytest.importorskip("setuptools")
    done = run(TRIES[what], checkout(tmp_path, links=True))
    assert done.returncode == 0, done.stderr
