"""The host's side of a zygote: start it, ask it for boxes, hear of their ends, notice its own."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from envgym.errors import Fault, UsageError
from envgym.sandboxes.namespace.cgroup import Parent
from envgym.sandboxes.namespace.settings import BoxSettings, Settings

_START = Path(__file__).with_name("start.py")
_MESSAGE = 1 << 16
START_S = 60.0


class Nursery:
    """A running zygote. Make one with `start`.

    Attributes:
        pid: Its process.
        alive: Whether it may be asked.
    """

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control
        self.pid = process.pid
        self.alive = True
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._opening: dict[int, asyncio.Future[None]] = {}
        self._ending: dict[int, asyncio.Future[int]] = {}
        self._loop.add_reader(control, self._heard)

    @classmethod
    async def start(cls, settings: Settings, parent: Parent | None) -> Nursery:
        """Execute a zygote and wait until it can fork boxes.

        Raises:
            UsageError: This machine refuses what boxes are made of.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-s", "-S", "-P", _START, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd="/",
            )
        ours.setblocking(False)
        nursery = cls(process, ours)
        folders = parent.open() if parent is not None else {}
        message = {"settings": dataclasses.asdict(settings), "parents": [*folders]}
        try:
            socket.send_fds(ours, [json.dumps(message).encode()], [*folders.values()])
            async with asyncio.timeout(START_S):
                await nursery._started
        except BaseException:
            await nursery.close()
            raise
        finally:
            for file in folders.values():
                os.close(file)
        return nursery

    async def open(self, box: BoxSettings, link: socket.socket) -> None:
        """Have a box made whose supervisor serves `link`.

        Raises:
            Fault: There is none; the reason is in it.
        """
        self._opening[box.id] = ready = self._loop.create_future()
        self._ending[box.id] = self._loop.create_future()
        try:
            message = {"op": "open", "box": dataclasses.asdict(box)}
            await self._send(message, [link.fileno()])
            await ready
        except BaseException:
            await self._kill(box.id)
            raise
        finally:
            del self._opening[box.id]

    async def end(self, id: int) -> int:
        """Kill a box and wait until its last process is gone; returns how many memory took.

        Idempotent: the zygote's own end is the end of all its boxes.
        """
        await self._kill(id)
        ending = self._ending.get(id)
        if ending is None:
            return 0
        return await asyncio.shield(ending)

    def forget(self, id: int) -> None:
        """Nobody will ask about that box any more."""
        self._ending.pop(id, None)

    async def close(self) -> None:
        """Hang up: the zygote ends all its boxes, and itself. Waits for that."""
        if self.alive:
            self._lost()
        await asyncio.to_thread(self._wait)

    def _wait(self) -> None:
        try:
            self._process.wait(START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    async def _kill(self, id: int) -> None:
        ending = self._ending.get(id)
        if self.alive and ending is not None and not ending.done():
            await self._send({"op": "kill", "id": id}, [])

    async def _send(self, message: dict[str, Any], files: list[int]) -> None:
        data = json.dumps(message).encode()
        while True:
            if not self.alive:
                raise Fault("sandbox: the zygote is gone; a new one is started with the next box")
            try:
                socket.send_fds(self._control, [data], files)
            except BlockingIOError:
                await asyncio.sleep(0.001)
            except OSError:
                self._lost()
            else:
                return

    def _heard(self) -> None:
        try:
            data = self._control.recv(_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        message = json.loads(data)
        if "id" not in message:
            self._begin(message)
        elif message.get("ended"):
            self._settle(self._ending, message["id"], message["ooms"])
        elif "error" in message:
            self._settle(self._opening, message["id"], Fault(f"sandbox: {message['error']}"))
        else:
            self._settle(self._opening, message["id"], None)

    def _begin(self, message: dict[str, Any]) -> None:
        if self._started.done():
            return
        if "error" in message:
            why = f"no boxes of namespaces here: {message['error']}: see `envgym sandbox probe`"
            self._started.set_exception(UsageError(why))
        else:
            self._started.set_result(None)

    @staticmethod
    def _settle(futures: dict[int, asyncio.Future[Any]], id: int, value: Any) -> None:
        future = futures.get(id)
        if future is None or future.done():
            return
        if isinstance(value, Exception):
            future.set_exception(value)
        else:
            future.set_result(value)

    def _lost(self) -> None:
        self.alive = False
        self._loop.remove_reader(self._control)
        self._control.close()
        for id in list(self._opening):
            self._settle(self._opening, id, Fault("sandbox: the zygote is gone"))
        for id in list(self._ending):
            self._settle(self._ending, id, 0)
        if not self._started.done():
            self._started.set_exception(Fault("sandbox: the zygote ended as it started"))
