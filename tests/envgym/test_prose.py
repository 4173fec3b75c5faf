"""Docstrings begin with a noun phrase or an imperative; the word is "fix"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("envgym", "agents", "environments", "sandboxes", "trainers", "benchmarks", "scripts")
OPENERS = re.compile(
    r"\W*(What|Whatever|Whoever|Whose|Who|How|Where|Which|Whether|When|Why|Does|Do|Is|Are|Was|Were|"
    r"May|Can|Has|Have|Those|That|These|Of|So|As)\b"
)
"""First words of clauses that name no thing."""
MEND = re.compile(r"\bmend(s|ed|ing)?\b", re.IGNORECASE)
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | Definition


def modules(room: str) -> list[Path]:
    """Return the modules of a room; the links to the other rooms are not followed."""
    folders = [p for p in (ROOT / room).iterdir() if p.is_dir() and not p.is_symlink()]
    nested = [path for folder in folders for path in folder.rglob("*.py")]
    return sorted([*(ROOT / room).glob("*.py"), *nested])


def documented(node: ast.AST, name: str = "") -> Iterator[tuple[str, str]]:
    """Iterate over a module's docstrings, those of attributes too, with the names they stand at."""
    if isinstance(node, Documented):
        yield name or "module", ast.get_docstring(node) or ""
    body = [child for child in getattr(node, "body", ()) if isinstance(child, ast.stmt)]
    for before, child in pairwise(body):
        if isinstance(before, ast.Assign | ast.AnnAssign) and isinstance(child, ast.Expr):
            value = child.value.value if isinstance(child.value, ast.Constant) else None
            if isinstance(value, str):
                yield f"line {child.lineno}", value
    for child in body:
        if isinstance(child, Definition):
            yield from documented(child, f"{name}.{child.name}".lstrip("."))


def faults(source: str) -> Iterator[str]:
    """Describe the breaches of the rules in a module's source."""
    tree = ast.parse(source)
    for name, text in documented(tree):
        if word := OPENERS.match(text):
            yield f"{name}: the docstring begins with {word[1]!r}"
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and MEND.search(text):
            yield f"line {node.lineno}: write fix, not mend"


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_name_the_thing(room: str) -> None:
    paths = modules(room)
    assert len(paths) > (10 if room == "scripts" else 25)
    found = {str(p.relative_to(ROOT)): list(faults(p.read_text("utf-8"))) for p in paths}
    assert {path: said for path, said in found.items() if said} == {}


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('"""What a thing is."""', 1),
        ('"""A thing."""\ndef f():\n    """Whether it is one."""', 1),
        ('"""A thing."""\nclass A:\n    """How it is."""', 1),
        ('"""A thing."""\ndef _f():\n    """Is it one?"""', 1),
        ('"""A thing."""\nx = 1\n"""What it is."""', 1),
        ('"""A thing; mend it."""', 1),
        ('"""A thing."""\nx = "What is it?"', 0),
        ('"""An amendment."""\ndef f():\n    """Return one."""', 0),
    ],
)
def test_the_rules_find_breaches(source: str, count: int) -> None:
    assert len(list(faults(source))) == count
