"""The host's side of a zygote: start it, have keepers forked, notice its end."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from envgym.errors import Fault, UsageError
from envgym.sandboxes.backends.namespace.fork_server_client import Place
from envgym.sandboxes.backends.namespace.kernel.cgroup import Parent
from envgym.sandboxes.backends.namespace.settings import BoxSettings, Settings

_START = Path(__file__).with_name("zygote_main.py")
START_S = 60.0
MOST_IDLE = 64
"""Keepers that are kept for later boxes; those of a burst beyond that are let go."""


class Nursery:
    """A running zygote and its keepers. Make one with `start`.

    Attributes:
        pid: The zygote's process.
        keepers: How many there are, idle or not.
    """

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control
        self.pid = process.pid
        self.keepers = 0
        self._idle: list[Place] = []

    @classmethod
    async def start(cls, settings: Settings, parent: Parent | None) -> Nursery:
        """Execute a zygote and wait until it can fork boxes.

        Raises:
            UsageError: This machine refuses what boxes are made of.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = _execute(theirs)
        ours.setblocking(False)
        nursery = cls(process, ours)
        folders = parent.open() if parent is not None else {}
        message = {"settings": dataclasses.asdict(settings), "parents": [*folders]}
        try:
            socket.send_fds(ours, [json.dumps(message).encode()], [*folders.values()])
            async with asyncio.timeout(START_S):
                data = await asyncio.get_running_loop().sock_recv(ours, 1 << 16)
            said = json.loads(data or '{"error": "the zygote ended"}')
            if "error" in said:
                why = f"no boxes here: {said['error']}; see `envgym sandbox probe`"
                raise UsageError(why)
            await nursery._try()
        except BaseException:
            await nursery.close()
            raise
        finally:
            for file in folders.values():
                os.close(file)
        return nursery

    async def _try(self) -> None:
        """Make a box and end it: what the kernel refuses is told at the start, as what it is."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            try:
                place = await self.place()
                await place.open(BoxSettings(-1, 64 << 20, 16, 1 << 20), theirs)
            except Fault as fault:
                why = f"no boxes here: {fault}; see `envgym sandbox probe`"
                raise UsageError(why) from fault
        try:
            await place.end()
        except BaseException:  # a keeper that nobody holds any more would keep its zygote alive
            place.close()
            raise
        self.give_back(place)

    @property
    def alive(self) -> bool:
        """Whether the zygote runs."""
        return self._process.poll() is None

    async def place(self) -> Place:
        """A keeper with room for a box: one that is idle, or a new one.

        Raises:
            Fault: The zygote is gone, or the kernel refuses a keeper.
        """
        while self._idle:
            place = self._idle.pop()
            if place.free and place.cleared:
                return place
            place.close()
            self.keepers -= 1
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            while True:
                try:
                    socket.send_fds(self._control, [b"keeper"], [theirs.fileno()])
                    break
                except BlockingIOError:  # a burst: the zygote has not taken the last ones yet
                    await asyncio.sleep(0.001)
                except OSError as error:
                    ours.close()
                    raise Fault(f"sandbox: the zygote is gone: {error}") from error
        place = Place(ours)
        await place.ready()
        self.keepers += 1
        return place

    def give_back(self, place: Place) -> None:
        """The place's box has ended: keep it for another, or let it go."""
        if place.free and len(self._idle) < MOST_IDLE:
            self._idle.append(place)
        else:
            place.close()
            self.keepers -= 1

    async def close(self) -> None:
        """Hang up: the zygote and the keepers end all their boxes, and themselves."""
        for place in self._idle:
            place.close()
        self._idle.clear()
        self._control.close()
        await asyncio.to_thread(self._wait)

    def _wait(self) -> None:
        try:
            self._process.wait(START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Stay:
    """One box's stay at a place: ended once, however often it is asked; the next is another's."""

    def __init__(self, nursery: Nursery, place: Place) -> None:
        self._nursery = nursery
        self._place = place
        self._ending: asyncio.Task[int] | None = None

    async def end(self) -> int:
        """Kill the box, if it is there still, and wait for that; how many memory took in it."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        return await asyncio.shield(self._ending)

    async def _end(self) -> int:
        ooms = await self._place.end()
        self._nursery.give_back(self._place)
        return ooms


def _execute(control: socket.socket) -> subprocess.Popen[bytes]:
    """Start the program, with nothing of this process's but a socket; takes a millisecond."""
    python = os.path.realpath(sys.executable)  # a virtual environment is not there in a box
    return subprocess.Popen(
        [python, "-s", "-S", "-P", _START, str(control.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
        pass_fds=[control.fileno()],
        start_new_session=True,
        cwd="/",
    )
