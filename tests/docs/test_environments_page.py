"""docs/environments.md has a row for every registered environment, with its tools and turns."""

from __future__ import annotations

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

import envgym
from envgym.registry import BUILTIN
from tests.machine import need

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "environments.md").read_text()
CELLS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| [`")
]
ROWS = {re.findall(r"`([^`]+)`", cells[0])[0]: cells for cells in CELLS}
ARGUMENTS = {
    "puzzles/reasoning-gym-v1": {"dataset": "spell_backward"},
    "puzzles/strings-v1": {"run": True},  # with every tool that it may have
}


def test_the_page_has_a_row_for_every_environment() -> None:
    assert list(ROWS) == sorted(BUILTIN)


def test_the_readme_has_one_too() -> None:
    ids = re.findall(r"^\| `(\w+/[\w-]+)` \|", (ROOT / "README.md").read_text(), re.M)
    assert ids == sorted(BUILTIN)


@pytest.mark.parametrize("id", sorted(BUILTIN))
async def test_a_row_names_tools_and_turns(id: str) -> None:
    if id == "puzzles/reasoning-gym-v1":
        need(find_spec("reasoning_gym"), "no reasoning-gym: pip install 'envgym[reasoning-gym]'")
    _, agent, tools, turns, score, _ = ROWS[id]
    env = envgym.make(id, **ARGUMENTS.get(id, {}))
    named = set(re.findall(r"`(\w+)`", tools))
    assert named == {tool.name for tool in env.tools}
    assert int(turns) == env.max_turns
    assert agent
    assert score
    await env.close()


def test_extras_are_the_packages() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = set(extras["optional-dependencies"])
    named = {name for *_, needs in CELLS for name in re.findall(r"`([^`]+)`", needs)}
    assert named <= known, named - known
    assert {"search", "math", "code", "reasoning-gym"} <= named
