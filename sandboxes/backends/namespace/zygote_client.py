"""Host's side of a zygote: start it, fork fork servers, notice its end."""

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
from envgym.sandboxes.backends.namespace.fork_server_client import ForkServerClient
from envgym.sandboxes.backends.namespace.kernel.cgroup import Parent
from envgym.sandboxes.backends.namespace.messages import Answer
from envgym.sandboxes.backends.namespace.settings import BoxSettings, Settings

_START = Path(__file__).with_name("zygote_main.py")
START_S = 60.0
MOST_IDLE = 64
"""Maximum number of idle fork servers; those of a burst beyond it are closed."""


class ZygoteClient:
    """A running zygote and its fork servers; made by `start`.

    Attributes:
        pid: Process id of the zygote.
        fork_servers: Number of fork servers, idle or with a sandbox.
    """

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control
        self.pid = process.pid
        self.fork_servers = 0
        self._idle: list[ForkServerClient] = []

    @classmethod
    async def start(cls, settings: Settings, parent: Parent | None) -> ZygoteClient:
        """Execute a zygote and wait until it can fork sandboxes.

        Raises:
            UsageError: This machine refuses what sandboxes are made of.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = _execute(theirs)
        ours.setblocking(False)
        zygote = cls(process, ours)
        folders = parent.open() if parent is not None else {}
        message = {"settings": dataclasses.asdict(settings), "parents": [*folders]}
        try:
            socket.send_fds(ours, [json.dumps(message).encode()], [*folders.values()])
            async with asyncio.timeout(START_S):
                data = await asyncio.get_running_loop().sock_recv(ours, 1 << 16)
            said: Answer = json.loads(data or '{"error": "the zygote ended"}')
            if "error" in said:
                why = f"no sandboxes here: {said['error']}; see `envgym sandbox probe`"
                raise UsageError(why)
            await zygote._try()
        except BaseException:
            await zygote.close()
            raise
        finally:
            for file in folders.values():
                os.close(file)
        return zygote

    async def _try(self) -> None:
        """Make a sandbox and end it, so that a refusal of the kernel is reported at the start."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            try:
                server = await self.fork_server()
                await server.open(BoxSettings(-1, 64 << 20, 16, 1 << 20), theirs)
            except Fault as fault:
                why = f"no sandboxes here: {fault}; see `envgym sandbox probe`"
                raise UsageError(why) from fault
        try:
            await server.end()
        except BaseException:  # an unheld fork server would keep its zygote alive
            server.close()
            raise
        self.give_back(server)

    @property
    def alive(self) -> bool:
        """Return whether the zygote runs."""
        return self._process.poll() is None

    async def fork_server(self) -> ForkServerClient:
        """Return an idle fork server, or fork a new one.

        Raises:
            Fault: The zygote is gone, or the kernel refuses a fork server.
        """
        while self._idle:
            server = self._idle.pop()
            if server.free and server.cleared:
                return server
            server.close()
            self.fork_servers -= 1
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            while True:
                try:
                    socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
                    break
                except BlockingIOError:  # a burst: the zygote has not taken the last ones yet
                    await asyncio.sleep(0.001)
                except OSError as error:
                    ours.close()
                    raise Fault(f"sandbox: the zygote is gone: {error}") from error
        server = ForkServerClient(ours)
        await server.ready()
        self.fork_servers += 1
        return server

    def give_back(self, server: ForkServerClient) -> None:
        """Keep the fork server of an ended sandbox for another sandbox, or close it."""
        if server.free and len(self._idle) < MOST_IDLE:
            self._idle.append(server)
        else:
            server.close()
            self.fork_servers -= 1

    async def close(self) -> None:
        """Hang up: the zygote and the fork servers end all their sandboxes, and themselves."""
        for server in self._idle:
            server.close()
        self._idle.clear()
        self._control.close()
        await asyncio.to_thread(self._wait)

    def _wait(self) -> None:
        try:
            self._process.wait(START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class BoxHandle:
    """Handle of one sandbox; it ends the sandbox once, however often `end` is called."""

    def __init__(self, zygote: ZygoteClient, server: ForkServerClient) -> None:
        self._zygote = zygote
        self._server = server
        self._ending: asyncio.Task[int] | None = None

    async def end(self) -> int:
        """Kill the sandbox, wait for its end, and return its number of out-of-memory kills."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        return await asyncio.shield(self._ending)

    async def _end(self) -> int:
        ooms = await self._server.end()
        self._zygote.give_back(self._server)
        return ooms


def _execute(control: socket.socket) -> subprocess.Popen[bytes]:
    """Execute the zygote with one socket and nothing else of this process; takes a millisecond."""
    python = os.path.realpath(sys.executable)  # a virtual environment is not there in a sandbox
    return subprocess.Popen(
        [python, "-s", "-S", "-P", _START, str(control.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
        pass_fds=[control.fileno()],
        start_new_session=True,
        cwd="/",
    )
