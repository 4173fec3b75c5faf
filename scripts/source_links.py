"""Markdown extension: links from pages to modules lead to the modules' place in the reference.

A page links to ``../trainers/advantages/grpo.py``, which a reader of the repository can follow. The
site holds no source files; there the same link leads to ``envgym.trainers.advantages.grpo`` in the
reference, and one to a module that the reference lacks fails a strict build.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

_MODULE = re.compile(r"(?:\.\./)+(?:envgym/)?(\w+(?:/\w+)*)\.py")


class SourceLinks(Treeprocessor):
    """Turns the links of a page into references that the site resolves."""

    def run(self, root: Element) -> None:
        """Rewrite every link to a module."""
        for link in root.iter("a"):
            if found := _MODULE.fullmatch(link.get("href", "")):
                link.tag = "autoref"
                link.attrib.pop("href")
                link.set("identifier", "envgym." + found[1].replace("/", "."))


class SourceLinksExtension(Extension):
    """Registers `SourceLinks` before links to pages are resolved."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Called by Markdown."""
        md.treeprocessors.register(SourceLinks(md), "source_links", 15)


def makeExtension(**settings: Any) -> SourceLinksExtension:
    """Called by Markdown for the extension's name."""
    return SourceLinksExtension(**settings)
