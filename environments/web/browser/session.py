"""Session of a tab: commands, scripts and input events, under one deadline each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from envgym.environments.web.browser.connection import Connection, ProtocolError
from envgym.errors import Fault

T = TypeVar("T")
_CALL_S = 20.0


@dataclass
class TabSession:
    """Commands to one tab.

    Attributes:
        session: DevTools session of the tab.
        broken: The tab crashed or hung: it must be closed.
    """

    connection: Connection
    session: str
    broken: bool = False

    async def evaluate(self, expression: str) -> Any:
        """Evaluate a JavaScript expression in the page; its value as JSON."""
        return await self.wait(self._evaluate(expression))

    async def run(self, function: str, *arguments: Any) -> Any:
        """Call a function of the page's global scope with JSON arguments."""
        return await self.evaluate(f"{function}({','.join(map(json.dumps, arguments))})")

    async def mouse(self, *events: tuple[str, float, float], pressed: bool = False) -> None:
        """Dispatch mouse events in order: ``(type, x, y)`` with DevTools' names, left button.

        Args:
            pressed: The button is down already.
        """
        calls = []
        down, clicks = pressed, 0
        for kind, x, y in events:
            if kind == "mousePressed":
                down, clicks = True, clicks + 1
            released = kind == "mouseReleased"
            down = down and not released
            calls.append(
                self.send(
                    "Input.dispatchMouseEvent",
                    type=kind,
                    x=x,
                    y=y,
                    button="left" if down or released else "none",
                    buttons=int(down),
                    clickCount=clicks,
                )
            )
        await self.wait(asyncio.gather(*calls))

    async def keys(self, events: list[dict[str, Any]]) -> None:
        """Dispatch key events in order; see `keyboard.events`."""
        await self.wait(
            asyncio.gather(*(self.send("Input.dispatchKeyEvent", **event) for event in events))
        )

    async def insert(self, text: str) -> None:
        """Insert text at the focus, as an input method does: any character is typed."""
        await self.wait(self.send("Input.insertText", text=text))

    def send(self, method: str, **parameters: Any) -> asyncio.Future[dict[str, Any]]:
        """Send a command; the future has its result.

        Raises:
            Fault: (``infra``) The tab is gone.
        """
        if self.broken:
            raise Fault("the tab crashed")
        return self.connection.call(method, self.session, **parameters)

    async def wait(self, answer: Awaitable[T]) -> T:
        """Wait for a command's result, within its deadline.

        Raises:
            Fault: (``env``) The page hangs. (``infra``) The browser refuses the command.
        """
        try:
            async with asyncio.timeout(_CALL_S):
                return await answer
        except TimeoutError:
            self.broken = True
            raise Fault(f"the page did not answer for {_CALL_S:g} s", "env") from None
        except ProtocolError as error:
            raise Fault(f"the browser refused a command: {error}") from error

    async def _evaluate(self, expression: str) -> Any:
        for last in (False, True):
            try:
                answer = await self.send(
                    "Runtime.evaluate",
                    expression=expression,
                    returnByValue=True,
                    awaitPromise=True,
                    userGesture=True,
                )
            except ProtocolError:
                if last:  # a navigation replaced the page under the call: once is no surprise
                    raise
                await asyncio.sleep(0.01)
                continue
            break
        if "exceptionDetails" in answer:
            detail = answer["exceptionDetails"]
            text = detail.get("exception", {}).get("description") or detail.get("text")
            raise Fault(f"the page's script failed: {text}", "env")
        return answer["result"].get("value")
