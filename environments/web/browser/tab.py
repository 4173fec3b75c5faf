"""Tab of a browser: one page in an isolated context, with its own network of answers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envgym.environments.web.browser.connection import ProtocolError
from envgym.environments.web.browser.session import TabSession
from envgym.environments.web.requests import BLOCKED, Answer, Request
from envgym.errors import Fault

Network = Callable[[Request], Answer]
"""Answers every request of a tab; runs on the event loop and must not block."""
_PAGE_SCRIPT = Path(__file__).with_name("page.js").read_text(encoding="utf-8")
_CLOSE_S = 10.0
_LOAD_S = 30.0
_START_S = 2.0  # for a navigation that an event announced, and a page may yet prevent
_MOST_DIALOGS = 20
_MOST_BYTES = 8 << 20  # of an answer; a browser takes no command much longer


@dataclass
class Tab(TabSession):
    """A page with its browser context; made by `Browser.tab`.

    Every request it makes is answered by `network`, in this process: nothing else is reachable.
    A page that hangs, or opens dialogs without end, is a fault and the tab is not used again.

    Attributes:
        network: Source of all content.
        dialogs: Texts of the dialogs that the page opened, each accepted at once.
        episodes: Episodes played in it.
        documents: Documents loaded in it.
    """

    target: str = ""
    context: str = ""
    network: Network = lambda request: BLOCKED
    dialogs: list[str] = field(default_factory=list)
    episodes: int = 0
    owner: object = None
    documents: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _navigating: bool = False
    _arriving: str = ""
    _loader: str = ""
    _refused: str = ""

    async def prepare(self, *scripts: str) -> None:
        """Set the tab up, with scripts that run before a page's own."""
        self.connection.listen(self.session, self._on_event)
        calls = [
            self.send("Page.enable"),
            self.send("Inspector.enable"),
            self.send("Emulation.setFocusEmulationEnabled", enabled=True),
            self.send("Fetch.enable", patterns=[{"urlPattern": "*"}]),
            self.send("Network.setBypassServiceWorker", bypass=True),
        ]
        for script in (_PAGE_SCRIPT, *scripts):
            calls.append(self.send("Page.addScriptToEvaluateOnNewDocument", source=script))
        await self.wait(asyncio.gather(*calls))

    async def view(self, width: int, height: int) -> None:
        """Set the size of the viewport in CSS pixels."""
        await self.wait(
            self.send(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=height,
                deviceScaleFactor=1,
                mobile=False,
            )
        )

    async def open(self, url: str) -> None:
        """Navigate to an address and wait until it has loaded.

        Raises:
            NotReachable: The network refuses it.
        """
        self._refused = ""
        before = self.documents
        self._navigating = True
        answer = await self.wait(self.send("Page.navigate", url=url))
        if "errorText" in answer:
            self._navigating = False
            if self._refused:
                self.dialogs.pop()  # the error says it
            raise NotReachable(self._refused or answer["errorText"])
        if "loaderId" in answer:
            await self._until_loaded(before, answer["loaderId"])
        else:  # a place in the same document
            self._navigating = False

    async def forget(self, origin: str) -> None:
        """Clear history and storage, so that an episode finds nothing of the one before."""
        await self.wait(
            asyncio.gather(
                self.send("Page.resetNavigationHistory"),
                self.send("Storage.clearDataForOrigin", origin=origin, storageTypes="all"),
            )
        )
        self.dialogs.clear()

    async def look(self, expression: str) -> Any:
        """Evaluate an expression whose value says with ``leaving`` that a navigation has begun.

        Returns None where one had: the new page has loaded, ask again.
        """
        before = self.documents
        if self._navigating:
            await self._until_loaded(before)
        before = self.documents
        report = await self.evaluate(expression)
        if self.documents == before:
            if not (report["leaving"] or self._navigating):
                return report
            await self._until_loaded(before)
        return None  # else it may be of a document half read

    async def back(self) -> bool:
        """Go back in the history; False where there is nothing before."""
        history = await self.wait(self.send("Page.getNavigationHistory"))
        if (index := history["currentIndex"]) <= 0:
            return False
        before = self.documents
        self._navigating = True
        entry = history["entries"][index - 1]["id"]
        await self.wait(self.send("Page.navigateToHistoryEntry", entryId=entry))
        await self._until_loaded(before)
        return True

    async def close(self) -> None:
        """Dispose of the page and its context; safe where they are gone."""
        self.broken = True
        if self.connection.gone:
            return
        self.connection.drop(self.session, "the tab was closed")
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self.connection.call(
                    "Target.disposeBrowserContext", browserContextId=self.context
                )
        except (ProtocolError, Fault, TimeoutError):
            return  # the context went with its last page, or with the browser

    async def _until_loaded(self, before: int, loader: str = "") -> None:
        """Wait for more documents than `before`; a navigation that never starts ends soon.

        Args:
            loader: Loader of the document, where it is known: a former navigation may yet end.
        """
        begun = asyncio.get_running_loop().time()
        started = False
        while self.documents == before or (loader and self._loader != loader):
            if self.broken:
                raise Fault("the tab crashed")
            if started and not self._navigating and not loader:
                break  # it was refused: the page stays
            started = started or self._navigating
            passed = asyncio.get_running_loop().time() - begun
            left = (_LOAD_S if self._navigating else _START_S) - passed
            if left <= 0:
                break
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
        if self.documents == before and self._navigating:
            self.broken = True
            raise Fault(f"a page did not load within {_LOAD_S:g} s", "env")
        if self.documents == before:
            await self.evaluate("__envgym.stay()")

    def _on_event(self, method: str, parameters: dict[str, Any]) -> None:
        match method:
            case "Fetch.requestPaused":
                self._answer(parameters)
            case "Page.frameRequestedNavigation" | "Page.frameScheduledNavigation":
                if parameters["frameId"] == self.target and "disposition" in parameters:
                    self._navigating = parameters["disposition"] == "currentTab"
            case "Page.frameStoppedLoading":
                if parameters["frameId"] == self.target:
                    self._navigating = False  # also where it came to nothing
                    self._changed.set()
            case "Page.frameNavigated":
                if parameters["frame"]["id"] == self.target:
                    self._arriving = parameters["frame"]["loaderId"]
            case "Page.loadEventFired":
                self.documents += 1
                self._loader = self._arriving
                self._navigating = False
                self._changed.set()
            case "Page.javascriptDialogOpening":
                self._on_dialog(parameters)
            case "Inspector.targetCrashed" | "Inspector.detached":
                self.crashed()

    def crashed(self, why: str = "the tab crashed") -> None:
        """Mark the tab as dead; its commands under way fail."""
        self.broken = True
        self._changed.set()
        self.connection.drop(self.session, why)

    def _on_dialog(self, parameters: dict[str, Any]) -> None:
        self.dialogs.append(parameters.get("message", ""))
        if len(self.dialogs) > _MOST_DIALOGS:
            self.crashed("the page opened dialogs without end")
            return
        self.send("Page.handleJavaScriptDialog", accept=True)

    def _answer(self, parameters: dict[str, Any]) -> None:
        asked = parameters["request"]
        request = Request(asked["method"], asked["url"], asked.get("postData", ""))
        answer = self.network(request)
        if len(answer.body) > _MOST_BYTES:
            answer = BLOCKED
        number = parameters["requestId"]
        page = (
            parameters.get("resourceType") == "Document"
            and parameters.get("frameId") == self.target
        )
        if answer.status == 0:
            if page:  # with an empty answer the page that asked stays
                self._refused = f"{request.url[:200]} is out of reach"
                self.dialogs.append(f"{self._refused}.")
                self.send("Fetch.fulfillRequest", requestId=number, responseCode=204)
            else:
                self.send("Fetch.failRequest", requestId=number, errorReason="BlockedByClient")
            return
        if page:
            self._navigating = True
            self._changed.set()
        self.send(
            "Fetch.fulfillRequest",
            requestId=number,
            responseCode=answer.status,
            responseHeaders=[{"name": name, "value": value} for name, value in answer.headers],
            body=base64.b64encode(answer.body).decode(),
        )


class NotReachable(Exception):
    """Address that the tab's network refuses."""
