"""Markdown extension: ``::: environments`` becomes an entry per registered environment.

Each entry is the docstring of the environment's class, under its id. The page follows the registry,
so that a new environment, or one that has moved, needs no change there.
"""

from __future__ import annotations

from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

from envgym.registry import BUILTIN

LINE = "::: environments"
_ENTRY = """## {id}

::: {path}
    options:
      heading_level: 3
      members: false
      show_bases: false
"""


def entries() -> list[str]:
    """The lines that stand for `LINE`."""
    return [
        line
        for id, path in BUILTIN.items()
        for line in _ENTRY.format(id=id, path=path.replace(":", ".")).split("\n")
    ]


class EnvironmentReference(Preprocessor):
    """Replaces the line by the entries."""

    def run(self, lines: list[str]) -> list[str]:
        """Called by Markdown with a page's lines."""
        return [new for line in lines for new in (entries() if line == LINE else [line])]


class EnvironmentReferenceExtension(Extension):
    """Registers `EnvironmentReference` before blocks are read."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Called by Markdown."""
        md.preprocessors.register(EnvironmentReference(md), "environment_reference", 100)


def makeExtension(**settings: Any) -> EnvironmentReferenceExtension:
    """Called by Markdown for the extension's name."""
    return EnvironmentReferenceExtension(**settings)
