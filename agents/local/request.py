"""Requests and results that pass between the event loop and the worker thread.

A `Request` is made on the loop and resolved on the loop; a `Row` is the same request while it
occupies a slot of the batch, and only the worker thread touches it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from envgym.agents.local.sampling import SamplingParams

if TYPE_CHECKING:
    from envgym.agents.local.kv.slots import KVSlot

Finish = Literal["stop", "length", "context"]
"""Cause of a generation's end: a stop id or text, `max_tokens`, the engine's `max_context`."""


@dataclass
class Generation:
    """Result of one request: the sampled ids.

    Attributes:
        ids: The sampled ids; a stop id that ended it is the last of them.
        logprobs: Natural log-probability of each id, see `SamplingParams`.
        finish: Reason of its end.
        versions: Version of the weights that each id was sampled with; it never falls.
    """

    ids: list[int]
    logprobs: list[float]
    finish: Finish
    versions: list[int]


@dataclass
class EngineStats:
    """Counters since the engine was made; the worker thread alone adds to them.

    Attributes:
        prefilled_tokens: Context tokens that went through the model.
        reused_tokens: Context tokens whose keys and values were already there.
        shared_tokens: The part of `reused_tokens` copied from another session of the group.
        decoded_tokens: Sampled tokens.
        decode_steps: Batched decode steps.
        evictions: Idle sessions that lost their slot to another one.
        missed: Times the engine went on without a caller that was there before: while this does
            not grow, what it gives does not depend on timing.
        waited_s: Seconds that requests stood still while the engine waited for absent callers.
    """

    prefilled_tokens: int = 0
    reused_tokens: int = 0
    shared_tokens: int = 0
    decoded_tokens: int = 0
    decode_steps: int = 0
    evictions: int = 0
    missed: int = 0
    waited_s: float = 0.0


@dataclass(eq=False)
class Request:
    """One call of `Engine.generate`.

    Attributes:
        last: The session was released while the request waited for a slot: forget it afterwards.
    """

    session: str
    ids: list[int]
    params: SamplingParams
    stop_text: Callable[[list[int]], bool] | None
    group: str | None
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Generation]
    last: bool = False


@dataclass(eq=False)
class Row:
    """A request in the running batch.

    Attributes:
        next_id: The id whose logits the next step computes.
        position: The column of the cache it goes to, which is also its position id.
        uniforms: The random numbers of the request, one per token it may sample.
        stop_ids: Ids that end it.
        grew: The context only extends the session's cached ids.
    """

    request: Request
    slot: KVSlot
    next_id: int
    position: int
    uniforms: list[float]
    stop_ids: frozenset[int]
    grew: bool
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)

    def accept(self, token: int, logprob: float, version: int, max_context: int) -> Finish | None:
        """Append an id sampled under a version; return the reason where it ends the generation.

        Raises:
            FloatingPointError: The logits were not finite.
            Exception: Whatever the request's `stop_text` raised.
        """
        if logprob != logprob:
            raise FloatingPointError(
                f"the logits of session {self.request.session!r} are not finite; "
                "the weights have probably diverged: reload them and call update_weights()"
            )
        self.ids.append(token)
        self.logprobs.append(logprob)
        self.versions.append(version)
        self.next_id = token
        self.position += 1
        if token in self.stop_ids:
            return "stop"
        if self.request.stop_text is not None and self.request.stop_text(self.ids):
            return "stop"
        if len(self.ids) >= self.request.params.max_tokens:
            return "length"
        if self.position + 1 >= max_context:
            return "context"
        return None

    @property
    def cached_ids(self) -> list[int]:
        """Ids whose keys and values are in the slot: all that were fed, without the last sample."""
        return (self.request.ids + self.ids)[: self.position]

    def generation(self, finish: Finish) -> Generation:
        """Make the finished result."""
        return Generation(self.ids, self.logprobs, finish, self.versions)
