"""Driver of a page in a browser: actions by trusted input events, one evaluation per look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envgym.environments.web.browser.keyboard import events
from envgym.environments.web.browser.tab import NotReachable, Tab
from envgym.environments.web.driver import Direction
from envgym.environments.web.observation.elements import Element, Page
from envgym.errors import ToolError

_DRAG_STEPS = 5
_WHY = {
    "gone": "is no longer on the page",
    "hidden": "is not visible",
    "option": "is an option: use select_option on its list",
    "no field": "takes no text",
    "disabled": "is disabled",
    "value": "does not take that value: dates are YYYY-MM-DD, times HH:MM",
    "no select": "is no list of options",
    "no option": "has no such option, or it is disabled",
    "one option": "takes one option only",
}


class BrowserDriver:
    """See `Driver`.

    Args:
        exclude: CSS selector of elements that are no part of the page for an agent.

    Attributes:
        before: JavaScript expression that each look evaluates first.
        extra: Its last value.
    """

    def __init__(self, tab: Tab, *, exclude: str = "") -> None:
        self.tab = tab
        self.before = "null"
        self.extra: Any = None
        self._snapshot = f"__envgym.snapshot({exclude!r})"
        self._noticed = 0

    @property
    def documents(self) -> int:
        """See `Driver`."""
        return self.tab.documents

    async def look(self) -> Page:
        """See `Driver`."""
        asked = (
            f"(() => {{ const extra = {self.before}; return {{ extra, "
            f"leaving: __envgym.leaving(), page: {self._snapshot} }}; }})()"
        )
        for _ in range(3):
            report = await self.tab.look(asked)
            if report is not None:
                break
        else:
            raise ToolError("the page does not settle: it navigates again and again.")
        self.extra = report["extra"]
        return Page.read(report["page"])

    async def click(self, element: Element, count: int = 1) -> None:
        """See `Driver`."""
        x, y = await self._aim(element)
        pair = (("mousePressed", x, y), ("mouseReleased", x, y))
        await self.tab.mouse(("mouseMoved", x, y), *pair * count)

    async def hover(self, element: Element) -> None:
        """See `Driver`."""
        x, y = await self._aim(element)
        await self.tab.mouse(("mouseMoved", x, y))

    async def fill(self, element: Element, text: str) -> None:
        """See `Driver`."""
        if await self._do("edit", element, text):
            if text:
                await self.tab.insert(text)
            else:
                await self.tab.keys(events("Delete"))

    async def select(self, element: Element, options: Sequence[str]) -> None:
        """See `Driver`."""
        await self._do("choose", element, list(options))

    async def press(self, element: Element | None, key: str) -> None:
        """See `Driver`."""
        made = events(key)
        if element is not None:
            await self._do("focus", element)
        await self.tab.keys(made)

    async def scroll(self, element: Element | None, direction: Direction) -> None:
        """See `Driver`."""
        dx = {"left": -1, "right": 1}.get(direction, 0)
        dy = {"up": -1, "down": 1}.get(direction, 0)
        await self._do("scroll", element, dx, dy)

    async def drag(self, start: Element, end: Element) -> None:
        """See `Driver`."""
        x, y = await self._aim(start)
        u, v = await self._do("middle", end)
        await self.tab.mouse(("mouseMoved", x, y), ("mousePressed", x, y))
        for n in range(1, _DRAG_STEPS + 1):
            part = n / _DRAG_STEPS
            at = x + (u - x) * part, y + (v - y) * part
            await self.tab.mouse(("mouseMoved", *at), pressed=True)
        # Past the middle by a little, as a hand does: what is dropped on it takes its place.
        if abs(v - y) > 5:
            v += 3 if v > y else -3
        else:
            u += 3 if u > x else -3
        await self.tab.mouse(("mouseMoved", u, v), pressed=True)
        await self.tab.mouse(("mouseReleased", u, v))

    async def goto(self, url: str) -> None:
        """See `Driver`."""
        if not url.startswith(("http://", "https://")):
            raise ToolError(f"cannot open {url}: {url} is out of reach.")
        try:
            await self.tab.open(url)
        except NotReachable as error:
            raise ToolError(f"cannot open {url}: {error}.") from None

    async def back(self) -> None:
        """See `Driver`."""
        if not await self.tab.back():
            raise ToolError("there is no page before this one.")

    def notices(self) -> list[str]:
        """See `Driver`."""
        new = [f"Notice: {text}" for text in self.tab.dialogs[self._noticed :]]
        self._noticed = len(self.tab.dialogs)
        return new

    async def evaluate(self, expression: str) -> Any:
        """See `Driver`."""
        return await self.tab.evaluate(expression)

    async def _aim(self, element: Element) -> tuple[float, float]:
        x, y = await self._do("aim", element)
        return x, y

    async def _do(self, function: str, element: Element | None, *arguments: Any) -> Any:
        handle = None if element is None else element.handle
        answer = await self.tab.run(f"__envgym.{function}", handle, *arguments)
        if (why := answer.get("error")) is None:
            return answer["value"]
        if why.startswith("covered:"):
            raise ToolError(f"the element is covered by {why.removeprefix('covered:')}.")
        raise ToolError(f"the element {_WHY.get(why, why)}.")
