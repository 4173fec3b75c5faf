"""Pages and pictures that are held to what made them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import markdown
import pytest
import yaml

from envgym import StopReason
from envgym.registry import BUILTIN
from scripts import check_site, environment_reference
from scripts.pictures import FOLDER, PICTURES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_its_script_draws(name: str) -> None:
    path = FOLDER / f"{name}.svg"
    assert path.read_text() == PICTURES[name]().svg(), "run python -m scripts.pictures"


def test_the_example_of_the_concepts_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "concepts.md").read_text(), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stdout


def test_every_page_is_in_the_navigation() -> None:
    config = yaml.safe_load((DOCS.parent / "mkdocs.yml").read_text())
    named = set(re.findall(r"[\w/]+\.md", str(config["nav"])))
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert there == named, f"mkdocs.yml, nav: {sorted(there ^ named)}"


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<h1 id="top">A</h1><a href="b.html#part">b</a>')
    (tmp_path / "b.html").write_text(
        '<p id="part"><a href="a.html#top"></a><a href="c.html"></a><a href="a.html#no"></a>'
        '<img src="https://example.org/x.png"></p>'
    )
    assert check_site.problems(tmp_path) == [
        "b.html: loads https://example.org/x.png",
        "b.html: no anchor a.html#no",
        "b.html: no c.html",
    ]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_repositorys_pages_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (DOCS.parent / name).read_text())
    assert links
    assert [link for link in links if not (DOCS.parent / link).exists()] == []


def test_a_link_to_a_module_leads_into_the_reference() -> None:
    page = "[a](../trainers/advantages/grpo.py) [b](../../envgym/chat.py) [c](checker.md) [d](x.py)"
    made = markdown.markdown(page, extensions=["scripts.source_links"])
    assert re.findall(r'<(\w+) (?:href|identifier)="([^"]+)"', made) == [
        ("autoref", "envgym.trainers.advantages.grpo"),
        ("autoref", "envgym.chat"),
        ("a", "checker.md"),
        ("a", "x.py"),
    ]


def test_the_reference_has_an_entry_for_every_environment() -> None:
    lines = environment_reference.EnvironmentReference().run(["a", "::: environments", "b"])
    assert lines[0] == "a"
    assert lines[-1] == "b"
    assert [line[3:] for line in lines if line.startswith("## ")] == list(BUILTIN)
    assert "::: envgym.environments.search.wiki.WikiSearch" in lines


def test_the_glossary_has_every_stop_reason() -> None:
    part = (DOCS / "glossary.md").read_text().partition("### Stop reason")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", part, re.M) == [reason.value for reason in StopReason]


def test_the_start_page_has_every_extra() -> None:
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]
    part = (DOCS / "index.md").read_text().partition("| extra |")[2]
    named = re.findall(r"^\| `([\w-]+)` \|", part, re.M)
    assert sorted([*named, "dev"]) == sorted(project["optional-dependencies"])
