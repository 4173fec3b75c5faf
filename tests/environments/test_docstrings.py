"""Docstrings of the shipped environments: one template, every constructor argument described."""

from __future__ import annotations

import inspect
import re

import pytest

from envgym.registry import BUILTIN, EnvSpec, load_class

SECTIONS = (
    "Actions",
    "Observations",
    "Rewards",
    "Episode end",
    "Hints",
    "Info",
    "Args",
    "Version history",
)


def sections(doc: str) -> dict[str, str]:
    """Text of each section by heading; of the description under ""."""
    parts = re.split(r"^([A-Z][A-Za-z ]+):\n", doc, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@pytest.mark.parametrize("id", BUILTIN)
def test_a_docstring_has_the_sections_and_every_argument(id: str) -> None:
    environment = load_class(EnvSpec(id, entry_point=BUILTIN[id]))
    found = sections(inspect.cleandoc(environment.__doc__ or ""))
    assert [*found][1:] == [*SECTIONS]
    assert all(text.strip() for text in found.values())
    described = re.findall(r"^    (\w+): \S", found["Args"], flags=re.MULTILINE)
    assert described == [*inspect.signature(environment).parameters]
    assert f"v{id.rpartition('-v')[2]}: " in found["Version history"]
