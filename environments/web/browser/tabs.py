"""Tab of one environment instance, taken from the browser that its process shares."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from envgym.environments.web.browser.browser import Browser
from envgym.environments.web.browser.tab import Tab
from envgym.resources import Shared


class BrowserTabs:
    """Tabs of one environment instance: at most one at a time, from the browser of the process.

    Args:
        address: See `Browser`.
        scripts: Scripts that run in every page before its own.
    """

    def __init__(self, address: str, scripts: Sequence[str] = ()) -> None:
        key = ("web/browser", address, tuple(scripts))
        self._shared = Shared(key, lambda: _Browsers(address, scripts))
        self._browser: Browser | None = None
        self._tab: Tab | None = None

    async def take(self, owner: object) -> Tab:
        """Take a tab for a use, or keep the one that is held for it.

        Raises:
            Fault: (``infra``) There is no browser.
        """
        tab = self._tab
        browser = self._shared.value.here()
        kept = tab is not None and tab.owner == owner and browser is self._browser
        if tab is None or not kept or tab.broken or tab.connection.gone:
            await self.release()
            self._browser = browser
            tab = self._tab = await browser.tab(owner)
        tab.episodes += 1
        return tab

    async def release(self) -> None:
        """Give the tab back; safe without one."""
        tab, self._tab = self._tab, None
        if tab is not None and self._browser is not None:
            await self._browser.release(tab)

    async def close(self) -> None:
        """Give everything back; the last instance of the process ends the browser."""
        await self.release()
        await self._shared.close()


class _Browsers:
    """Browsers of a process, one for each event loop that uses it: usually one."""

    def __init__(self, address: str, scripts: Sequence[str]) -> None:
        self._address = address
        self._scripts = scripts
        self._by_loop: dict[asyncio.AbstractEventLoop, Browser] = {}
        Browser(address, scripts)  # a bad address is an error now

    def here(self) -> Browser:
        """Browser of the running loop; those of loops that have ended are killed."""
        for loop in [one for one in self._by_loop if one.is_closed()]:
            self._by_loop.pop(loop).kill()
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            self._by_loop[loop] = Browser(self._address, self._scripts)
        return self._by_loop[loop]

    async def close(self) -> None:
        """End them all."""
        here = asyncio.get_running_loop()
        while self._by_loop:
            loop, browser = self._by_loop.popitem()
            if loop is here:
                await browser.close()
            else:
                browser.kill()
