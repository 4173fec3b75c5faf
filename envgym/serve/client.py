"""Client of served environments: an `Env` whose episodes run on a server.

    env = envgym.make("ws://127.0.0.1:8080/search/wiki-v1", hops=[2])

It keeps the order of calls, deadlines and bookkeeping where `Env` has them; what a step means, the
oracle, and the hidden part of tasks stay on the server. Every instance has a socket of its own from
its first reset on.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import asdict
from typing import Any, TypeVar, cast

from envgym.deadlines import Deadlines
from envgym.env import Env, EnvSpec, Info, Phase, StepResult
from envgym.errors import Fault, UsageError
from envgym.messages import Action, Observation
from envgym.resources import Shared
from envgym.serve.connection import Connection
from envgym.serve.protocol.frames import Began, DeadlinesRow, Reset, Step, Stepped
from envgym.serve.protocol.rows import action_of, action_row, seen_of
from envgym.serve.protocol.sockets import allow_files
from envgym.serve.remote_info import RemoteInfo
from envgym.serve.reusable_timeout import ReusableTimeout
from envgym.serve.served_tasks import ServedTask
from envgym.stop_reason import StopReason
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode

T = TypeVar("T")

_GRACE_S = 1.0
"""Extra seconds for the server to report itself that a deadline has passed."""
_SOCKETS = 4096
_UNDRAWN = Task({})


class RemoteEnv(Env[Task]):
    """An environment on a server.

    Args:
        url: ``ws://host:port/family/name-vN``.
        kwargs: Arguments of its constructor there: JSON values.

    Raises:
        UsageError: No such environment there, arguments that it does not take, a wrong token.
        Fault: The server does not answer.
    """

    def __init__(self, url: str, /, **kwargs: Any) -> None:
        super().__init__()
        try:
            key = json.dumps(kwargs, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise UsageError(f"{url}: arguments cross the wire as JSON values: {error}") from error
        self._shared: Shared[RemoteInfo] = Shared(
            ("serve", url, key), lambda: _remote_info(url, kwargs)
        )
        self._remote = self._shared.value
        about = self._remote.about
        self.max_turns, self.deadlines = about["max_turns"], self._remote.deadlines
        self.seats, self.tools = tuple(about["seats"]), self._remote.tools
        self.spec = EnvSpec(url, kwargs, self.max_turns, url)
        self._connection: Connection | None = None
        self._timeout = ReusableTimeout()
        self._sent_deadlines: Deadlines = (
            self.deadlines
        )  # the deadlines that the server last received
        self._asked: tuple[int | None, dict[str, Any]] = (None, {})
        self._info_here: Info = {}
        self._partial: float | None = 0.0
        self._oracles = 0

    def tasks(self, split: str = "train") -> TaskSource:
        """Return the tasks of a split, without their hidden part."""
        return self._remote.tasks(split)

    # --- what callers use -----------------------------------------------------------------------

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin a new episode; see `Env.reset`."""
        if self._phase is Phase.CLOSED:
            raise UsageError(f"{self.spec.id} is closed: make a new one")
        self._asked = seed, dict(options or {})
        self._phase = Phase.BROKEN
        seen = await self._timely(self.deadlines.reset, self.start(_UNDRAWN))
        return seen, self._info_here.copy()

    async def step(self, action: Action) -> StepResult:
        """Apply an action; see `Env.step`."""
        if (
            self._phase in (Phase.NEW, Phase.CLOSED)
            or self._connection is None
            or self._connection.lost
        ):
            raise UsageError(f"cannot step: the episode is {self._phase}; call reset first")
        seen = await self._timely(self.deadlines.step, self.act(action))
        gave = self._stepped
        return StepResult(
            seen, gave["reward"], gave["terminated"], gave["truncated"], self._info_here.copy()
        )

    def partial_score(self) -> float:
        """Score if the episode were cut now, as the server last reported it."""
        if self._partial is None:
            raise Fault(f"{self.spec.id} has no partial score now", "env")
        return self._partial

    def oracle(self) -> AsyncIterator[Action]:
        """Yield the actions of the server's oracle."""
        if not self._remote.about["oracle"]:
            return super().oracle()
        self._oracles += 1
        return self._consult(self._oracles - 1)

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Fetch the server's hints for the current episode."""
        if self._connection is None:
            raise UsageError("no hints yet: call reset first")
        return tuple(self._remote.hints(self._connection.session, attempt))

    def near_misses(self) -> Sequence[Sequence[Action]]:
        """Fetch the server's near misses of the current task."""
        if self._connection is None:
            raise UsageError("no near misses yet: call reset first")
        return self._remote.near_misses(self._connection.session)

    # --- the hooks, under their deadlines -------------------------------------------------------

    async def start(self, task: Task) -> Observation:
        """Begin the episode on the server."""
        connection = await self._connected()
        seed, options = self._asked
        given = options.pop("task", None)
        request: Reset = {
            "op": "reset",
            "id": connection.next(),
            "seed": seed,
            "options": options,
            "task": None if given is None else given.to_json(),
        }
        if self.deadlines is not self._sent_deadlines:
            request["deadlines"] = self._news()
        reply: Began = await connection.ask(request)
        self.task = given if reply["task"] is None else ServedTask(**reply["task"])
        self._oracles = 0
        self._stop = None
        self._enter(reply)
        self._phase = Phase.RUNNING
        return seen_of(reply["seen"])

    async def act(self, action: Action) -> Observation:
        """Step on the server."""
        assert self._connection is not None
        self._phase = Phase.BROKEN
        request: Step = {"op": "step", "id": self._connection.next(), "action": action_row(action)}
        if self.deadlines is not self._sent_deadlines:
            request["deadlines"] = self._news()
        reply: Stepped = await self._connection.ask(request)
        self._enter(reply)
        self._stepped = reply
        over = reply["terminated"] or reply["truncated"]
        self._phase = Phase.OVER if over else Phase.RUNNING
        return seen_of(reply["seen"])

    async def stop(self) -> None:
        """Close the instance on the server, then the socket."""
        connection, self._connection = self._connection, None
        self._timeout.stop()
        try:
            if connection is not None and not connection.lost:
                await connection.ask({"op": "close", "id": connection.next()})
        finally:
            try:
                if connection is not None:
                    await connection.close()
            finally:
                await self._shared.close()

    # --- inside ---------------------------------------------------------------------------------

    async def _consult(self, number: int) -> AsyncIterator[Action]:
        while (connection := self._connection) is not None:
            reply = await connection.ask(
                {"op": "consult", "id": connection.next(), "oracle": number}
            )
            if reply["action"] is None:
                return
            yield action_of(reply["action"])

    async def _connected(self) -> Connection:
        if self._connection is not None and self._connection.lost:
            lost, self._connection = self._connection, None
            await lost.close()
        if self._connection is None:
            remote = self._remote
            self._connection = await Connection.open(remote.url, remote.headers, remote.kwargs)
            self._sent_deadlines = remote.deadlines
        return self._connection

    async def _timely(self, seconds: float | None, work: Coroutine[Any, Any, T]) -> T:
        """The outcome, or a fault of the network where not even the deadline was heard of."""
        if seconds is None:
            return await work
        limit = seconds + _GRACE_S
        try:
            return await self._timeout.within(limit, work)
        except TimeoutError:
            if self._connection is not None:
                self._connection.lost = True
            raise Fault(f"{self.spec.id} has not answered within {limit:g} s") from None

    def _news(self) -> DeadlinesRow:
        """The deadlines, changed since the server heard of them."""
        self._sent_deadlines = self.deadlines
        row: Any = asdict(self.deadlines)
        return row

    def _enter(self, reply: Began | Stepped) -> None:
        info = cast("Info", reply["info"])
        if "stop_reason" in info:
            with contextlib.suppress(ValueError):  # an environment's own word stays as it is
                info["stop_reason"] = StopReason(info["stop_reason"])
            self._stop = info["stop_reason"]
        self._info_here, self._partial = info, reply["partial"]
        self.turn, self.seat = info.get("turn", 0), info.get("seat", self.seats[0])
        self.score, self.metrics = info.get("score", 0.0), dict(info.get("metrics", {}))
        self.anchor = info.get("anchor", "")


def _remote_info(url: str, kwargs: dict[str, Any]) -> RemoteInfo:
    with contextlib.suppress(UsageError):  # as many as there may be
        allow_files(_SOCKETS)
    return RemoteInfo(url, kwargs)
