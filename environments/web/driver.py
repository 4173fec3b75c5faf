"""Interface between the web environments and a page: the same with a browser and without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from envgym.environments.web.observation.elements import Element, Page

Direction = Literal["up", "down", "left", "right"]


class Driver(Protocol):
    """One page under the control of one episode.

    Every action raises `ToolError` where the page does not allow it: an element that is gone,
    hidden, covered or of the wrong kind, an address out of reach.
    """

    @property
    def documents(self) -> int:
        """Number of documents loaded so far: element handles hold within one."""

    async def look(self) -> Page:
        """The page now, once navigation has settled."""

    async def click(self, element: Element, count: int = 1) -> None:
        """Click, or double-click with `count` 2."""

    async def hover(self, element: Element) -> None:
        """Move the pointer over an element."""

    async def fill(self, element: Element, text: str) -> None:
        """Replace the text of a field."""

    async def select(self, element: Element, options: Sequence[str]) -> None:
        """Choose options of a list by their labels or values."""

    async def press(self, element: Element | None, key: str) -> None:
        """Press a key or a combination (``Control+A``), at an element or at the focus."""

    async def scroll(self, element: Element | None, direction: Direction) -> None:
        """Scroll the page, or the element, by most of its height."""

    async def drag(self, start: Element, end: Element) -> None:
        """Press at one element, move to another and release."""

    async def goto(self, url: str) -> None:
        """Open an address."""

    async def back(self) -> None:
        """Return to the page before."""

    def notices(self) -> list[str]:
        """Dialogs since the last call, as texts for the agent."""

    async def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression, where the page runs any."""
