"""Element tree of a page: what a browser's page script reports, and what pages without one are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Element:
    """A visible element.

    Attributes:
        tag: Name in lower case.
        attributes: HTML attributes, and the element's state: ``value``, ``checked``, ``selected``,
            ``focused``, ``clickable`` (it listens for clicks), ``box`` (x,y,width,height).
        children: Elements and texts in document order.
        handle: Number of the element in its document, the same as long as the element lives.
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)
    handle: int = 0

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in document order."""
        yield self
        for child in self.children:
            if not isinstance(child, str):
                yield from child.walk()

    @property
    def text(self) -> str:
        """All text in it, with single spaces."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child._texts()
                yield "" if child.tag in INLINE else " "


INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "big",
        "code",
        "em",
        "i",
        "kbd",
        "label",
        "mark",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "tspan",
        "u",
    ]
)
"""Tags whose text runs on with the text around it."""


@dataclass(slots=True)
class Page:
    """A page as seen at one moment.

    Attributes:
        root: Its body; None for an empty page.
        cut: Elements or texts were left out because the page is too large.
    """

    url: str
    title: str
    root: Element | None
    cut: bool = False

    @classmethod
    def read(cls, report: dict[str, Any]) -> Page:
        """Page from the report of the page script."""
        root = report["root"]
        return cls(
            report["url"],
            report["title"],
            None if root is None else _element(root),
            report["cut"],
        )


def _element(row: list[Any]) -> Element:
    handle, tag, attributes, children = row
    below = [child if isinstance(child, str) else _element(child) for child in children]
    return Element(tag, attributes, below, handle)
