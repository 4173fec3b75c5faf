"""The generation engine: continuous batching over sessions that live for many turns.

One worker thread alternates between admitting requests (prefilling only what is new in each) and
decoding one token for every row. Requests join at any step and leave the moment they are done, so
an episode that waits for its tool holds nobody up; the event loop is never blocked.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from transformers import PreTrainedModel

from envgym.agents.local.cache import Session, common_prefix
from envgym.agents.local.generic import GenericRunner
from envgym.agents.local.llama import LlamaRunner, supports
from envgym.agents.local.sampling import SamplingParams, sample
from envgym.errors import UsageError

Finish = Literal["stop", "length", "context"]
_SHARE_AT_LEAST = 8  # tokens: below that a copy costs more than computing them


@dataclass
class Generation:
    """What was sampled, with the log-prob of each id and the weights' version at the start."""

    ids: list[int]
    logprobs: list[float]
    finish: Finish
    version: int


@dataclass
class Stats:
    """Counts since the engine began; `reused` tokens were found in a cache, not computed."""

    prefilled: int = 0
    reused: int = 0
    decoded: int = 0
    steps: int = 0
    evicted: int = 0


@dataclass(eq=False)
class _Request:
    session_id: str
    ids: list[int]
    params: SamplingParams
    stop_text: Callable[[list[int]], bool] | None
    group: str | None
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Generation]
    uniforms: np.ndarray = field(default_factory=lambda: np.empty(0))
    session: Session | None = None
    out: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    version: int = 0
    cancelled: bool = False


class Engine:
    """Generates with a Hugging Face causal LM in this process; its weights are not copied.

    Args:
        model: Any causal LM. Llama, Mistral, Qwen2 and Qwen3 shapes run on the lean path.
        max_rows: Most sessions whose keys and values are kept.
        max_context: Most tokens of a session, prompt and samples together.
    """

    def __init__(
        self, model: PreTrainedModel, *, max_rows: int = 256, max_context: int | None = None
    ) -> None:
        limit = getattr(model.config, "max_position_embeddings", None) or 4096
        self.max_context = min(max_context or limit, limit)
        kind = LlamaRunner if supports(model) else GenericRunner
        self._runner: Any = kind(model, max_rows, self.max_context)
        self.runner_name: str = self._runner.name
        self.version = 0
        self.stats = Stats()
        self._sessions: dict[str, Session] = {}
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._waiting: list[_Request] = []
        self._active: list[_Request] = []
        self._clock = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    # --- called from the event loop ---------------------------------------------------------------

    async def generate(
        self,
        session: str,
        ids: Sequence[int],
        params: SamplingParams,
        *,
        stop_text: Callable[[list[int]], bool] | None = None,
        group: str | None = None,
    ) -> Generation:
        """Sample a continuation of `ids`, the session's whole context.

        Args:
            session: Its keys and values are kept under this name between calls.
            stop_text: Called on the ids sampled so far after each one; True ends the generation.
            group: Sessions of one group may start from each other's common prefix.
        """
        if self._closed:
            raise UsageError("the engine is closed: make a new one")
        if not ids:
            raise UsageError("cannot generate from an empty context")
        if params.max_tokens < 1:
            raise UsageError(f"max_tokens must be at least 1, not {params.max_tokens}")
        if len(ids) >= self.max_context:
            return Generation([], [], "context", self.version)
        loop = asyncio.get_running_loop()
        request = _Request(
            session, list(ids), params, stop_text, group, loop, loop.create_future()
        )
        request.uniforms = params.uniforms()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="envgym-engine", daemon=True)
            self._thread.start()
        self._inbox.put(request)
        try:
            return await request.future
        except asyncio.CancelledError:
            request.cancelled = True
            raise

    async def release(self, session: str) -> None:
        """Forget a session."""
        self._inbox.put(("release", session))

    def update_weights(self) -> None:
        """Say that the weights have changed: what is cached of the old ones is dropped."""
        self.version += 1
        self._inbox.put(("forget", ""))

    async def close(self) -> None:
        """Stop the worker; requests in flight fail. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._inbox.put(("close", ""))
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    # --- the worker thread -------------------------------------------------------------------------

    def _work(self) -> None:
        with torch.inference_mode():
            while self._take_in():
                try:
                    self._admit()
                    self._decode()
                except Exception as error:  # whatever broke concerns the rows in flight
                    self._fail(error)
        self._fail(UsageError("the engine was closed while generating"))

    def _take_in(self) -> bool:
        """Read the inbox; waits when there is nothing else to do. False when closing."""
        idle = not self._active and not self._waiting
        while True:
            try:
                item = self._inbox.get(block=idle)
            except queue.Empty:
                return True
            idle = False
            if isinstance(item, _Request):
                self._waiting.append(item)
            elif item[0] == "close":
                return False
            elif item[0] == "release":
                self._release(item[1])
            else:
                for session in self._sessions.values():
                    if not session.busy:
                        self._runner.truncate(session, 0)

    def _admit(self) -> None:
        """Give waiting requests a session and prefill what is new in each."""
        admitted: list[_Request] = []
        while self._waiting:
            request = self._waiting[0]
            if not request.cancelled and not self._seat(request):
                break
            self._waiting.pop(0)
            if not request.cancelled:
                admitted.append(request)
        leaders: dict[str, _Request] = {}
        first: list[_Request] = []
        followers: list[_Request] = []
        for request in admitted:
            fresh = request.group and not request.session.ids  # type: ignore[union-attr]
            if fresh and request.group in leaders:
                followers.append(request)
            else:
                if fresh:
                    leaders[str(request.group)] = request
                first.append(request)
        for wave in (first, followers):
            if wave:
                self._prefill(wave)

    def _seat(self, request: _Request) -> bool:
        session = self._sessions.setdefault(request.session_id, Session(group=request.group))
        if session.busy:
            raise UsageError(f"session {request.session_id!r} is generating already")
        if session.slot is None and not self._runner.open(session):
            idle = [s for s in self._sessions.values() if s.slot is not None and not s.busy]
            if not idle:
                return False
            self._runner.close(min(idle, key=lambda s: s.used))
            self.stats.evicted += 1
            self._runner.open(session)
        session.busy = True
        request.session = session
        return True

    def _prefill(self, requests: list[_Request]) -> None:
        mates: dict[str, Session] = {
            s.group: s for s in self._sessions.values() if s.group and s.slot is not None and s.ids
        }
        new: list[list[int]] = []
        for request in requests:
            session = request.session
            assert session is not None
            mate = mates.get(request.group) if request.group else None
            if not session.ids and mate is not None and mate is not session:
                shared = min(common_prefix(mate.ids, request.ids), len(request.ids) - 1)
                if shared >= _SHARE_AT_LEAST:
                    self._runner.share(mate, session, shared)
            known = min(common_prefix(session.ids, request.ids), len(request.ids) - 1)
            self._runner.truncate(session, known)
            known = len(session.ids)
            self.stats.reused += known
            self.stats.prefilled += len(request.ids) - known
            request.version = self.version
            new.append(request.ids[known:])
        self._active.extend(requests)
        logits = self._runner.run([r.session for r in requests], new)
        self._sample(requests, logits)

    def _decode(self) -> None:
        """One token for every active row."""
        for request in self._active:
            if request.cancelled:
                self._retire(request)
        self._active = [r for r in self._active if not r.cancelled]
        if not self._active:
            return
        rows = self._active
        logits = self._runner.run([r.session for r in rows], [[r.out[-1]] for r in rows])
        self._sample(rows, logits)
        self.stats.steps += 1

    def _sample(self, rows: list[_Request], logits: torch.Tensor) -> None:
        uniforms = np.array([r.uniforms[len(r.out)] for r in rows])
        ids, logprobs = sample(logits, [r.params for r in rows], uniforms)
        self.stats.decoded += len(rows)
        done: list[tuple[_Request, Finish]] = []
        for request, token, logprob in zip(rows, ids, logprobs, strict=True):
            request.out.append(token)
            request.logprobs.append(logprob)
            finish = self._finish(request, token)
            if finish is not None:
                done.append((request, finish))
        if not done:
            return
        over = {id(request) for request, _ in done}
        self._active = [r for r in self._active if id(r) not in over]
        for request, finish in done:
            self._retire(request)
            result = Generation(request.out, request.logprobs, finish, request.version)
            _resolve(request, result)

    def _finish(self, request: _Request, token: int) -> Finish | None:
        if token in request.params.stop_ids:
            return "stop"
        if request.stop_text is not None and request.stop_text(request.out):
            return "stop"
        if len(request.out) >= request.params.max_tokens:
            return "length"
        if len(request.ids) + len(request.out) >= self.max_context:
            return "context"
        return None

    def _retire(self, request: _Request) -> None:
        if request.session is not None:
            self._clock += 1
            request.session.busy, request.session.used = False, self._clock

    def _release(self, name: str) -> None:
        session = self._sessions.get(name)
        if session is None:
            return
        if session.busy:  # cancelled a moment ago: its row leaves with the next step
            for request in self._active:
                if request.session is session:
                    request.cancelled = True
            self._active = [r for r in self._active if r.session is not session]
        self._runner.close(session)
        del self._sessions[name]

    def _fail(self, error: Exception) -> None:
        requests = [*self._active, *self._waiting]
        while not self._inbox.empty():
            item = self._inbox.get()
            if isinstance(item, _Request):
                requests.append(item)
        self._active, self._waiting = [], []
        for request in requests:
            if request.session is not None:
                request.session.busy = False
                self._runner.close(request.session)
            _resolve(request, error)


def _resolve(request: _Request, result: Generation | Exception) -> None:
    def settle() -> None:
        if request.future.done():
            return
        if isinstance(result, Generation):
            request.future.set_result(result)
        else:
            request.future.set_exception(result)

    try:
        request.loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop is closed: nobody waits any more
        request.cancelled = True
