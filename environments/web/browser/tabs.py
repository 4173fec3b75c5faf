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
        self._address = address
        self._scripts = tuple(scripts)
        self._shared: Shared[Browser] | None = None
        self._tab: Tab | None = None

    async def take(self, owner: object) -> Tab:
        """Take a tab, or keep the one that is held.

        Raises:
            Fault: (``infra``) There is no browser.
        """
        if self._tab is not None and not self._tab.broken and not self._tab.connection.gone:
            return self._tab
        await self.release()
        if self._shared is None:  # at first use: a browser belongs to the loop that runs it
            key = ("web/browser", self._address, self._scripts, id(asyncio.get_running_loop()))
            self._shared = Shared(key, lambda: Browser(self._address, self._scripts))
        self._tab = await self._shared.value.tab(owner)
        self._tab.episodes += 1
        return self._tab

    async def release(self) -> None:
        """Give the tab back; safe without one."""
        tab, self._tab = self._tab, None
        if tab is not None and self._shared is not None:
            await self._shared.value.release(tab)

    async def close(self) -> None:
        """Give everything back; the last one of the process ends the browser."""
        await self.release()
        shared, self._shared = self._shared, None
        if shared is not None:
            await shared.close()
