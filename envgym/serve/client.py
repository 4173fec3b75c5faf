"""The client: an `Env` whose episodes happen on a server.

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
from envgym.serve.connection import Link
from envgym.serve.protocol.frames import Began, DeadlinesRow, Reset, Step, Stepped
from envgym.serve.protocol.rows import action_of, action_row, seen_of
from envgym.serve.protocol.sockets import allow_files
from envgym.serve.remote_info import Place
from envgym.serve.reusable_timeout import Alarm
from envgym.serve.served_tasks import ServedTask
from envgym.stop_reason import StopReason
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode

T = TypeVar("T")

_GRACE_S = 1.0
"""What the server has beyond a deadline to say itself that it has passed."""
_SOCKETS = 4096
_UNDRAWN = Task({})


class RemoteEnv(Env[Task]):
    """An environment on a server.

    Args:
        url: ``ws://host:port/family/name-vN``.
        kwargs: For its constructor there: JSON values.

    Raises:
        UsageError: No such environment there, arguments that it does not take, a wrong token.
        Fault: Nobody answers.
    """

    def __init__(self, url: str, /, **kwargs: Any) -> None:
        super().__init__()
        try:
            key = json.dumps(kwargs, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise UsageError(f"{url}: arguments cross the wire as JSON values: {error}") from error
        self._shared: Shared[Place] = Shared(("serve", url, key), lambda: _place(url, kwargs))
        self._place = self._shared.value
        about = self._place.about
        self.max_turns, self.deadlines = about["max_turns"], self._place.deadlines
        self.seats, self.tools = tuple(about["seats"]), self._place.tools
        self.spec = EnvSpec(url, kwargs, self.max_turns, url)
        self._link: Link | None = None
        self._alarm = Alarm()
        self._told: Deadlines = self.deadlines  # those that the server goes by
        self._asked: tuple[int | None, dict[str, Any]] = (None, {})
        self._info_here: Info = {}
        self._partial: float | None = 0.0
        self._oracles = 0

    def tasks(self, split: str = "train") -> TaskSource:
        """The tasks of a split, as far as the agent may see them."""
        return self._place.tasks(split)

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
        if self._phase in (Phase.NEW, Phase.CLOSED) or self._link is None or self._link.lost:
            raise UsageError(f"cannot step: the episode is {self._phase}; call reset first")
        seen = await self._timely(self.deadlines.step, self.act(action))
        gave = self._stepped
        return StepResult(
            seen, gave["reward"], gave["terminated"], gave["truncated"], self._info_here.copy()
        )

    def partial_score(self) -> float:
        """The score if the episode were cut now, as the server last said."""
        if self._partial is None:
            raise Fault(f"{self.spec.id} has no partial score now", "env")
        return self._partial

    def oracle(self) -> AsyncIterator[Action]:
        """The server's oracle, action by action."""
        if not self._place.about["oracle"]:
            return super().oracle()
        self._oracles += 1
        return self._consult(self._oracles - 1)

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """The server's hints for the episode that has begun."""
        if self._link is None:
            raise UsageError("no hints yet: call reset first")
        return tuple(self._place.hints(self._link.session, attempt))

    def near_misses(self) -> Sequence[Sequence[Action]]:
        """The server's near misses of the task of the episode that has begun."""
        if self._link is None:
            raise UsageError("no near misses yet: call reset first")
        return self._place.near_misses(self._link.session)

    # --- the hooks, under their deadlines -------------------------------------------------------

    async def start(self, task: Task) -> Observation:
        """Have the server begin the episode that `reset` was asked for."""
        link = await self._connected()
        seed, options = self._asked
        given = options.pop("task", None)
        request: Reset = {
            "op": "reset",
            "id": link.next(),
            "seed": seed,
            "options": options,
            "task": None if given is None else given.to_json(),
        }
        if self.deadlines is not self._told:
            request["deadlines"] = self._news()
        reply: Began = await link.ask(request)
        self.task = given if reply["task"] is None else ServedTask(**reply["task"])
        self._oracles = 0
        self._stop = None
        self._enter(reply)
        self._phase = Phase.RUNNING
        return seen_of(reply["seen"])

    async def act(self, action: Action) -> Observation:
        """Have the server step."""
        assert self._link is not None
        self._phase = Phase.BROKEN
        request: Step = {"op": "step", "id": self._link.next(), "action": action_row(action)}
        if self.deadlines is not self._told:
            request["deadlines"] = self._news()
        reply: Stepped = await self._link.ask(request)
        self._enter(reply)
        self._stepped = reply
        over = reply["terminated"] or reply["truncated"]
        self._phase = Phase.OVER if over else Phase.RUNNING
        return seen_of(reply["seen"])

    async def stop(self) -> None:
        """Have the server close its instance, then close the socket."""
        link, self._link = self._link, None
        self._alarm.stop()
        try:
            if link is not None and not link.lost:
                await link.ask({"op": "close", "id": link.next()})
        finally:
            try:
                if link is not None:
                    await link.close()
            finally:
                await self._shared.close()

    # --- inside ---------------------------------------------------------------------------------

    async def _consult(self, number: int) -> AsyncIterator[Action]:
        while (link := self._link) is not None:
            reply = await link.ask({"op": "consult", "id": link.next(), "oracle": number})
            if reply["action"] is None:
                return
            yield action_of(reply["action"])

    async def _connected(self) -> Link:
        if self._link is not None and self._link.lost:
            lost, self._link = self._link, None
            await lost.close()
        if self._link is None:
            place = self._place
            self._link = await Link.open(place.url, place.headers, place.kwargs)
            self._told = place.deadlines
        return self._link

    async def _timely(self, seconds: float | None, work: Coroutine[Any, Any, T]) -> T:
        """The outcome, or a fault of the network where not even the deadline was heard of."""
        if seconds is None:
            return await work
        limit = seconds + _GRACE_S
        try:
            return await self._alarm.within(limit, work)
        except TimeoutError:
            if self._link is not None:
                self._link.lost = True
            raise Fault(f"{self.spec.id} has not answered within {limit:g} s") from None

    def _news(self) -> DeadlinesRow:
        """The deadlines, changed since the server heard of them."""
        self._told = self.deadlines
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


def _place(url: str, kwargs: dict[str, Any]) -> Place:
    with contextlib.suppress(UsageError):  # as many as there may be
        allow_files(_SOCKETS)
    return Place(url, kwargs)
