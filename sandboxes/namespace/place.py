"""The host's side of a keeper: a place for one box at a time."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
from typing import Any

from envgym.errors import Fault
from envgym.sandboxes.box.outcomes import Ending
from envgym.sandboxes.namespace.settings import BoxSettings

_MESSAGE = 1 << 16


class Place:
    """A keeper, as the host holds it.

    Attributes:
        alive: Whether the keeper runs.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[dict[str, Any]] | None = None
        self._box = 0
        self.alive = True
        self._loop.add_reader(control, self._heard)

    @property
    def free(self) -> bool:
        """Whether a box may be opened here."""
        return self.alive and (self._ended is None or self._ended.done())

    async def ready(self) -> None:
        """Wait until the keeper is there.

        Raises:
            Fault: It could not be.
        """
        await self._answered()

    async def open(self, box: BoxSettings, link: socket.socket) -> None:
        """Have a box forked whose supervisor serves `link`.

        Raises:
            Fault: There is none; the reason is in it.
        """
        self._begin("open", box, [link.fileno()])
        await self._answered()

    def run(
        self, box: BoxSettings, limits: dict[str, Any], source_bytes: int, files: list[int]
    ) -> None:
        """Have a box made for one program.

        Args:
            box: The box's settings.
            limits: The program's.
            source_bytes: How much of its standard input is its source.
            files: Its standard input, output and error.
        """
        self._begin("run", box, files, limits=limits, source_bytes=source_bytes)

    async def ending(self) -> Ending:
        """How that program ended, once its box is gone.

        Raises:
            Fault: There was no box; the reason is in it.
        """
        assert self._ended is not None
        message = await asyncio.shield(self._ended)
        if self._answer.done():
            self._answer.result()
        if "ending" not in message:
            raise Fault("sandbox: the box's keeper is gone")
        return Ending(**message["ending"])

    def kill(self) -> None:
        """Kill the box; `end` waits for it."""
        if self._ended is not None and not self._ended.done():
            self._send({"op": "kill", "id": self._box}, [])

    async def end(self) -> int:
        """Kill the box and wait until its last process is gone; returns how many memory took."""
        if self._ended is None:
            return 0
        self.kill()
        ooms: int = (await asyncio.shield(self._ended))["ooms"]
        return ooms

    def close(self) -> None:
        """Let the keeper go, and with it its box. Idempotent."""
        if not self.alive:
            return
        self.alive = False
        self._loop.remove_reader(self._control)
        self._control.close()
        if not self._answer.done():
            self._answer.set_exception(Fault("sandbox: the box's keeper is gone"))
            self._answer.exception()  # looked at: a program's run does not wait for an answer
        if self._ended is not None and not self._ended.done():
            self._ended.set_result({"ooms": 0})

    async def _answered(self) -> None:
        try:
            await self._answer
        except BaseException:
            self.close()
            raise

    def _begin(self, op: str, box: BoxSettings, files: list[int], **more: Any) -> None:
        self._answer = self._loop.create_future()
        self._ended = self._loop.create_future()
        self._box = box.id
        self._send({"op": op, "box": dataclasses.asdict(box), **more}, files)

    def _send(self, message: dict[str, Any], files: list[int]) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], files)
        except OSError:
            self.close()

    def _heard(self) -> None:
        try:
            data = self._control.recv(_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        message = json.loads(data)
        if "ended" in message:
            if self._ended is not None and not self._ended.done():
                self._ended.set_result(message)
        elif self._answer.done():
            return
        elif "error" in message:
            self._answer.set_exception(Fault(f"sandbox: {message['error']}"))
        else:
            self._answer.set_result(None)
