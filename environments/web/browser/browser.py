"""Browser shared by all environments of a process: tabs on demand, restarted when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from envgym.environments.web.browser.connection import Connection, ProtocolError
from envgym.environments.web.browser.process import ChromiumProcess
from envgym.environments.web.browser.tab import Tab
from envgym.environments.web.browser.transport import Transport, WebSocketTransport
from envgym.environments.web.requests import BLOCKED
from envgym.errors import Fault, UsageError

MOST_TABS = 64
"""Maximum number of tabs open at once in a process; an episode beyond them waits for one."""
_RECYCLED = 500  # episodes after which a tab is replaced: a context's memory only grows
_START_S = 60.0
_OPENED_AT_ONCE = 4
_KEPT_WARM = 24
"""Tabs that are opened before one is used for another page than it shows: loading one takes far
longer than a reset in place."""


class Browser:
    """One Chromium with isolated tabs, started at the first `tab` and again after a crash.

    Args:
        address: ``chromium``, ``headed`` (the same, in a window) or ``cdp:URL``.
        scripts: Scripts that run in every page before its own.

    Belongs to the event loop that first uses it.
    """

    def __init__(self, address: str, scripts: Sequence[str] = ()) -> None:
        if address not in ("chromium", "headed") and not address.startswith("cdp:"):
            raise UsageError(
                f"browser is {address!r}: use none, chromium, headed or cdp:http://host:port"
            )
        self._address = address
        self._scripts = tuple(scripts)
        self._connection: Connection | None = None
        self._process: ChromiumProcess | None = None
        self._starting = asyncio.Lock()
        self._opening = asyncio.Semaphore(_OPENED_AT_ONCE)
        self._room = asyncio.Semaphore(MOST_TABS)
        self._idle: list[Tab] = []
        self._tabs: dict[str, Tab] = {}

    @property
    def pid(self) -> int | None:
        """Process id of the local browser; None for a remote one and before the start."""
        return None if self._process is None else self._process.pid

    @property
    def tabs(self) -> int:
        """Number of open tabs, idle ones included."""
        return len(self._tabs)

    async def tab(self, owner: object = None) -> Tab:
        """Take a tab, preferably one that `owner` had before; give it back with `release`.

        Args:
            owner: Name of what the tab is used for, such as a page.

        Raises:
            Fault: (``infra``) The browser cannot be started or reached.
        """
        await self._room.acquire()
        try:
            connection = await self._connected()
            while (idle := self._idle_for(owner)) is not None:
                self._idle.remove(idle)
                if not idle.broken and idle.connection is connection:
                    idle.owner = owner
                    return idle
                await self._discard(idle)
            async with self._opening:
                tab = await self._open(connection)
            tab.owner = owner
            return tab
        except BaseException:
            self._room.release()
            raise

    def _idle_for(self, owner: object) -> Tab | None:
        """Idle tab to take: one that the owner had before, else any, once enough are open."""
        own = next((tab for tab in self._idle if tab.owner == owner), None)
        if own is None and self._idle and len(self._tabs) >= _KEPT_WARM:
            return self._idle[0]
        return own

    async def release(self, tab: Tab) -> None:
        """Give a tab back; a broken or worn one is closed."""
        self._room.release()
        tab.network = lambda request: BLOCKED
        if tab.broken or tab.connection.gone or tab.episodes >= _RECYCLED:
            await self._discard(tab)
        else:
            self._idle.append(tab)

    async def close(self) -> None:
        """End the browser: a local process is gone afterwards. Safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None and self._process is None:
            for tab in list(self._tabs.values()):
                await tab.close()
        self._tabs.clear()
        self._idle.clear()
        if connection is not None:
            await connection.close()
        process, self._process = self._process, None
        if process is not None:
            await process.stop()

    def kill(self) -> None:
        """Kill a local browser whose event loop has ended, or is another one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    async def _connected(self) -> Connection:
        async with self._starting:
            if self._connection is not None and self._connection.gone:
                await self.close()
            if self._connection is None:
                self._connection = Connection(await self._transport())
                self._connection.listen(None, self._on_event)
                try:
                    async with asyncio.timeout(_START_S):
                        await self._connection.call("Target.setDiscoverTargets", discover=True)
                except (TimeoutError, ProtocolError, Fault) as error:
                    await self.close()
                    raise Fault(f"the browser did not start: {error}") from error
            return self._connection

    async def _transport(self) -> Transport:
        if self._address.startswith("cdp:"):
            return await WebSocketTransport.open(self._address.removeprefix("cdp:"))
        self._process, transport = await ChromiumProcess.start(self._address == "headed")
        return transport

    async def _open(self, connection: Connection) -> Tab:
        try:
            made = await connection.call("Target.createBrowserContext", disposeOnDetach=True)
            context = made["browserContextId"]
            await connection.call(
                "Browser.setDownloadBehavior", behavior="deny", browserContextId=context
            )
            made = await connection.call(
                "Target.createTarget", url="about:blank", browserContextId=context
            )
            target = made["targetId"]
            made = await connection.call("Target.attachToTarget", targetId=target, flatten=True)
        except ProtocolError as error:
            raise Fault(f"the browser opened no tab: {error}") from error
        tab = Tab(connection, made["sessionId"], target=target, context=context)
        self._tabs[target] = tab
        await tab.prepare(*self._scripts)
        return tab

    async def _discard(self, tab: Tab) -> None:
        self._tabs.pop(tab.target, None)
        await tab.close()

    def _on_event(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "gone":
            for tab in self._tabs.values():
                tab.crashed()
        elif method in ("Target.targetDestroyed", "Target.targetCrashed"):
            lost = self._tabs.get(parameters["targetId"])
            if lost is not None:
                lost.crashed()
        elif method == "Target.targetCreated":
            self._on_popup(parameters["targetInfo"])

    def _on_popup(self, target: dict[str, Any]) -> None:
        """Close a page that a page of ours opened."""
        if target.get("openerId") in self._tabs and self._connection is not None:
            self._connection.call("Target.closeTarget", targetId=target["targetId"])
