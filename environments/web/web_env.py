"""Base class of web environments: the tools of a browser, and what a page looks like as text.

A subclass says which pages there are and when an episode has ended; a driver says how a page is
acted on, in a browser or without one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Literal

from envgym.deadlines import Deadlines
from envgym.environments.web.driver import Direction, Driver
from envgym.environments.web.observation.accessibility import accessibility_tree
from envgym.environments.web.observation.elements import Element, Page
from envgym.environments.web.observation.ids import ElementIds
from envgym.environments.web.observation.text import (
    bounded,
    changes,
    header,
    html_lines,
    tree_lines,
)
from envgym.errors import ToolError, UsageError
from envgym.task import Task
from envgym.tool_env import ToolEnv
from envgym.tools import tool

View = Literal["axtree", "html"]
_MOST_TEXT = 10_000
_MOST_COMPARED = 2_000  # lines: comparing takes their square at worst


class WebEnv(ToolEnv[Task]):
    """An environment of web pages.

    Args:
        view: Form of a page: ``axtree`` (accessibility tree, BrowserGym's form) or ``html``
            (pruned).
        tokens: Budget of an observation in tokens, counted as four characters each; `more` shows
            the rest.
        show: ``page`` shows the whole page after each action; ``changes`` shows the lines that an
            action changed, as long as it leads to no other page.
        max_turns: Turns before truncation.
    """

    deadlines = Deadlines(reset=180.0)  # a busy machine opens many tabs at once
    driver: Driver

    def __init__(
        self,
        *,
        view: View = "axtree",
        tokens: int = 2000,
        show: Literal["page", "changes"] = "page",
        max_turns: int | None = None,
    ) -> None:
        super().__init__(max_turns=max_turns)
        if view not in ("axtree", "html"):
            raise UsageError(f"view is {view!r}: use axtree or html")
        if show not in ("page", "changes"):
            raise UsageError(f"show is {show!r}: use page or changes")
        if tokens < 50:
            raise UsageError(f"tokens must be at least 50, not {tokens}")
        self._view = view
        self._tokens = tokens
        self._show = show
        self._ids = ElementIds()
        self._document = -1
        self._lines: list[str] = []
        self._shown = 0
        self.page: Page | None = None

    # --- for subclasses -------------------------------------------------------------------------

    def arrived(self, page: Page) -> None:
        """Judge the page after an action; may call `end`."""

    def described(self, page: Page) -> str:
        """First line of a page's text."""
        return header(page)

    def begin(self, driver: Driver) -> None:
        """Begin an episode on a page."""
        self.driver = driver
        self._ids.clear()
        self._document = -1
        self._lines = []

    async def seen(self) -> str:
        """Look at the page; its text, or the changes, within the budget."""
        page = self.page = await self.driver.look()
        self.arrived(page)
        same = self._document == self.driver.documents
        if not same:
            self._ids.leave()
            self._document = self.driver.documents
        before, self._lines = self._lines, self._all_lines(page)
        notices = self.driver.notices()
        if same and self._show == "changes" and len(before) + len(self._lines) <= _MOST_COMPARED:
            changed = changes(before, self._lines)
            self._shown = len(self._lines)
            return "\n".join([*notices, bounded(changed, self._tokens)[0] or "Nothing changed."])
        text, self._shown = bounded(self._lines, self._tokens)
        return "\n".join([*notices, text])

    def shown_id(self, element: Element) -> int | None:
        """Id of an element, None for one not shown: oracles see no more than the agent does."""
        return self._ids.shown(element)

    def _all_lines(self, page: Page) -> list[str]:
        first = [line] if (line := self.described(page)) else []
        if page.root is None:
            return [*first, "The page is empty."]
        if self._view == "html":
            lines = [
                line for child in _elements(page.root) for line in html_lines(child, self._ids)
            ]
        else:
            lines = list(tree_lines(accessibility_tree(page), self._ids))
        if page.cut:
            lines.append("… the page is larger than this; the rest is left out")
        return [*first, *lines]

    async def _acted(self, action: Awaitable[None]) -> str:
        await action
        return await self.seen()

    # --- tools ----------------------------------------------------------------------------------

    @tool
    async def click(self, element: int) -> str:
        """Click an element.

        Args:
            element: Its id.
        """
        return await self._acted(self.driver.click(self._ids.find(element)))

    @tool
    async def double_click(self, element: int) -> str:
        """Double-click an element.

        Args:
            element: Its id.
        """
        return await self._acted(self.driver.click(self._ids.find(element), 2))

    @tool
    async def fill(self, element: int, text: str) -> str:
        """Replace the text of a field.

        Args:
            element: Its id.
            text: The new text.
        """
        if len(text) > _MOST_TEXT:
            raise ToolError(f"a text of {len(text)} characters; {_MOST_TEXT} are the most.")
        return await self._acted(self.driver.fill(self._ids.find(element), text))

    @tool
    async def select_option(self, element: int, options: str | list[str]) -> str:
        """Choose from a list of options.

        Args:
            element: Id of the list.
            options: Label of the option; several where the list takes several.
        """
        wanted: Sequence[str] = [options] if isinstance(options, str) else options
        return await self._acted(self.driver.select(self._ids.find(element), wanted))

    @tool
    async def press(self, key: str, element: int | None = None) -> str:
        """Press a key, or a combination such as Control+A.

        Args:
            key: Enter, Tab, Escape, ArrowDown, a character, …
            element: Id of the element to press it at; the focus where left out.
        """
        at = None if element is None else self._ids.find(element)
        return await self._acted(self.driver.press(at, key))

    @tool
    async def hover(self, element: int) -> str:
        """Move the pointer over an element.

        Args:
            element: Its id.
        """
        return await self._acted(self.driver.hover(self._ids.find(element)))

    @tool
    async def scroll(self, direction: Direction, element: int | None = None) -> str:
        """Scroll the page.

        Args:
            direction: up, down, left or right.
            element: Id of an element in the part to scroll; the whole page where left out.
        """
        at = None if element is None else self._ids.find(element)
        return await self._acted(self.driver.scroll(at, direction))

    @tool
    async def drag(self, start: int, end: int) -> str:
        """Drag one element onto another.

        Args:
            start: Id of the element to drag.
            end: Id of the element to drop it on.
        """
        return await self._acted(self.driver.drag(self._ids.find(start), self._ids.find(end)))

    @tool
    async def goto(self, url: str) -> str:
        """Open an address of this site.

        Args:
            url: The address, or a path such as /cart.
        """
        return await self._acted(self.driver.goto(url))

    @tool
    async def back(self) -> str:
        """Return to the page before."""
        return await self._acted(self.driver.back())

    @tool
    async def more(self) -> str:
        """Show the next part of a page that was cut."""
        if self._shown >= len(self._lines):
            raise ToolError("the page was shown to its end.")
        text, number = bounded(self._lines[self._shown :], self._tokens)
        self._shown += number
        return text


def _elements(root: Element) -> list[Element]:
    return [child for child in root.children if not isinstance(child, str)]
