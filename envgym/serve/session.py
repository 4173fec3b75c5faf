"""Server session: one socket, one instance, one episode after another.

The socket is read at all times, also during a step, so that a cancel arrives and a client's
disconnect is noticed at once. Requests are answered in order, one at a time; a client has one in
flight, and at most `WAITING` more may wait.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from itertools import islice
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from envgym.deadlines import Deadlines
from envgym.env import Env
from envgym.errors import EnvgymError, Fault, UsageError
from envgym.messages import Action
from envgym.serve.metrics import Metrics
from envgym.serve.protocol.attempts import attempt_of
from envgym.serve.protocol.failures import failed
from envgym.serve.protocol.frames import (
    REQUESTS,
    ActionRow,
    AskHints,
    Began,
    Failed,
    Hints,
    NearMisses,
    Opened,
    Reply,
    Request,
    Reset,
    Step,
    Stepped,
    decode,
    encode,
    number_of,
)
from envgym.serve.protocol.rows import action_of, action_row, seen_row
from envgym.serve.served_tasks import row_of, task_of

log = logging.getLogger("envgym.serve")

WAITING = 16
"""Requests that may wait behind the one in progress."""
_ORACLES = 64
"""Oracles of one episode."""
_NEAR_MISSES = 256
"""Attempts that are asked of one task."""
_END_S = 10.0
"""Seconds for a cancelled request to end before its environment is closed in any case."""
_PING_S = 1.0


class Session:
    """Server end of one environment instance, until its client closes it or is gone.

    Args:
        name: The environment's id here.
        number: Number of the request that opened the session.
    """

    def __init__(
        self, name: str, env: Env[Any], socket: web.WebSocketResponse, metrics: Metrics, number: int
    ) -> None:
        self.id = secrets.token_hex(8)
        self.name = name
        self._env, self._socket, self._metrics, self._opened_by = env, socket, metrics, number
        self._waiting: deque[Request] = deque()
        self._work: asyncio.Task[None] | None = None
        self._number = 0  # of the request in progress
        self._oracles: list[AsyncIterator[Action]] = []
        self._ended = False  # no further request is taken up
        self._leaving = False  # the server stops
        self._parting = False  # the work in progress is the farewell

    async def run(self) -> None:
        """Serve the socket until it closes; the instance is then closed in any case."""
        began, said_farewell = time.monotonic(), False
        log.info("%s %s: opened", self.name, self.id)
        try:
            await self._send({"re": "opened", "id": self._opened_by, "session": self.id})
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT:
                    await self._refuse(_unreadable(message, self._socket))
                    break
                if not await self._take(message.data):
                    break
            said_farewell = self._ended or self._leaving or self._socket.close_code == 1000
        finally:
            if not said_farewell:
                self._metrics.vanished.inc()
            await self._end()
            how = "closed" if said_farewell else "its client is gone"
            log.info("%s %s: %s after %.1f s", self.name, self.id, how, time.monotonic() - began)

    def hints(self, asked: AskHints) -> Hints:
        """Return `Env.hints` of the current episode."""
        row = asked["attempt"]
        attempt = None if row is None else attempt_of(row, self._env.task)
        return {"hints": list(self._env.hints(attempt))}

    def near_misses(self) -> NearMisses:
        """Return the first of `Env.near_misses` of the current task."""
        attempts = islice(self._env.near_misses(), _NEAR_MISSES)
        return {"attempts": [[action_row(action) for action in attempt] for attempt in attempts]}

    def leave(self) -> None:
        """Answer the request in progress, then close the socket: the server stops."""
        self._leaving = True
        self._waiting.clear()
        if self._work is None:
            self._next()

    async def ping(self) -> None:
        """Send a keep-alive ping so that proxies do not close an idle socket."""
        try:
            async with asyncio.timeout(_PING_S):
                await self._socket.ping()
        except (TimeoutError, ConnectionError, RuntimeError):
            return

    # --- in order -------------------------------------------------------------------------------

    async def _take(self, text: str) -> bool:
        """Take a frame in; False where it ends the session."""
        try:
            request = decode(REQUESTS, text)
        except UsageError as error:
            await self._refuse(failed(error, number=number_of(text)))
            return False
        if request["op"] == "cancel":
            self._cancel(request["id"])
            return True
        if len(self._waiting) >= WAITING:
            full = UsageError(f"{WAITING} requests wait already: wait for their answers")
            await self._refuse(failed(full, number=request["id"]))
            return False
        self._waiting.append(request)
        if self._work is None:
            self._next()
        return True

    def _next(self, done: asyncio.Task[None] | None = None) -> None:
        """Begin the next request, if any."""
        self._work = None
        if self._ended:
            return
        if self._leaving:
            self._parting = True
            farewell = self._part(WSCloseCode.GOING_AWAY, b"the server is stopping")
            self._work = asyncio.create_task(farewell)
        elif self._waiting:
            request = self._waiting.popleft()
            self._number = request["id"]
            self._work = asyncio.create_task(self._answer(request))
            self._work.add_done_callback(self._next)

    def _cancel(self, number: int) -> None:
        if self._work is not None and self._number == number:
            self._work.cancel()
        for request in [r for r in self._waiting if r["id"] == number]:
            self._waiting.remove(request)

    async def _answer(self, request: Request) -> None:
        reply: Reply
        try:
            reply = await self._do(request)
        except Exception as error:
            reply = failed(error, number=request["id"], what=self._whose(request))
            self._metrics.errors.labels(reply["kind"] or reply["error"]).inc()
            entry = "%s %s: %s: %.500s", self.name, self.id, request["op"], reply["message"]
            if isinstance(error, EnvgymError) and error.__cause__ is None:
                log.info(*entry)
            else:  # a bug in the environment: log the traceback
                log.warning(*entry, exc_info=error)
        await self._send(reply)
        if request["op"] == "close":
            self._parting = True
            await self._part(WSCloseCode.OK)

    def _whose(self, request: Request) -> str:
        if request["op"] == "consult":
            return f"the oracle of {self.name}"
        return f"{self.name}: {request['op']}"

    # --- the environment ------------------------------------------------------------------------

    async def _do(self, request: Request) -> Reply:
        if request["op"] == "step":
            return await self._step(request)
        if request["op"] == "reset":
            return await self._reset(request)
        if request["op"] == "consult":
            action = await self._consult(request["oracle"])
            return {"re": "advised", "id": request["id"], "action": action}
        await self._env.close()
        return {"re": "closed", "id": request["id"]}

    async def _reset(self, request: Reset) -> Began:
        env = self._env
        if "deadlines" in request:
            env.deadlines = Deadlines(**request["deadlines"])
        options, given = request["options"], None
        if request["task"] is not None:
            given = options["task"] = task_of(request["task"], env)
        await self._dismiss_oracles()
        observation, info = await env.reset(seed=request["seed"], options=options)
        self._metrics.episodes.inc()
        return {
            "re": "began",
            "id": request["id"],
            "seen": seen_row(observation),
            "info": {**info},
            "task": None if env.task is given else row_of(env.task, env.origin),
            "partial": self._partial(),
        }

    async def _step(self, request: Step) -> Stepped:
        if "deadlines" in request:
            self._env.deadlines = Deadlines(**request["deadlines"])
        began = time.perf_counter()
        step = await self._env.step(action_of(request["action"]))
        self._metrics.step_s.observe(time.perf_counter() - began)
        return {
            "re": "stepped",
            "id": request["id"],
            "seen": seen_row(step.observation),
            "reward": step.reward,
            "terminated": step.terminated,
            "truncated": step.truncated,
            "info": {**step.info},
            "partial": self._partial(),
        }

    def _partial(self) -> float | None:
        try:
            return float(self._env.partial_score())
        except (
            Exception
        ):  # the episode cannot be scored now; the client gets the error when it asks
            return None

    async def _consult(self, oracle: int) -> ActionRow | None:
        if oracle > len(self._oracles) or oracle >= _ORACLES:
            raise UsageError(
                f"no oracle {oracle} in this episode, which has had {_ORACLES} at most"
            )
        if oracle == len(self._oracles):
            self._oracles.append(self._env.oracle())
        try:
            return action_row(await anext(self._oracles[oracle]))
        except StopAsyncIteration:
            return None

    async def _dismiss_oracles(self) -> None:
        oracles, self._oracles = self._oracles, []
        for oracle in oracles:
            if (close := getattr(oracle, "aclose", None)) is not None:  # a plain iterator has none
                await close()

    # --- the socket -----------------------------------------------------------------------------

    async def _send(self, reply: Reply | Opened) -> None:
        try:
            text = encode(reply)
        except UsageError as error:
            fault = Fault(f"{self.name}: an answer {error}", "env")
            text = encode(failed(fault, number=reply["id"]))
        try:
            await self._socket.send_str(text)
        except (ConnectionError, RuntimeError):  # gone meanwhile: the reader sees it too
            return

    async def _refuse(self, failure: Failed) -> None:
        """Say what is wrong, and close: after such a frame nothing that comes can be trusted."""
        self._metrics.refused.labels("bad frame").inc()
        log.warning("%s %s: %s", self.name, self.id, failure["message"])
        await self._send(failure)
        await self._part(WSCloseCode.POLICY_VIOLATION)

    async def _part(self, code: int, text: bytes = b"") -> None:
        self._ended = True
        try:
            await self._socket.close(code=code, message=text)
        except (ConnectionError, RuntimeError):  # gone already
            return

    async def _end(self) -> None:
        """Stop what runs, and close the instance."""
        self._ended = True
        self._waiting.clear()
        if self._work is not None:
            if not self._parting:
                self._work.cancel()
            _, running = await asyncio.wait({self._work}, timeout=_END_S)
            if running:
                log.error("%s %s: a cancelled request does not end", self.name, self.id)
        try:
            await self._dismiss_oracles()
        except Exception as error:
            log.warning("%s %s: dismissing an oracle: %s", self.name, self.id, error)
        try:
            await self._env.close()
        except Exception as error:
            log.warning("%s %s: closing: %s", self.name, self.id, error)


def _unreadable(message: Any, socket: web.WebSocketResponse) -> Failed:
    if message.type is WSMsgType.ERROR:
        return failed(UsageError(f"bad frame: {socket.exception()}"))
    return failed(UsageError(f"bad frame: {message.type.name.lower()} and no text"))
