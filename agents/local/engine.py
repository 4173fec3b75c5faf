"""Engine: the asynchronous interface to local generation, `await generate(...)`.

It decides which forward a model gets and checks what a request asks for; the batching is the
worker's.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from transformers import PreTrainedModel

from envgym.agents.local.batch_barrier import BatchBarrier
from envgym.agents.local.hf_runner import HFRunner
from envgym.agents.local.llama_runner import LlamaRunner
from envgym.agents.local.llama_support import unsupported
from envgym.agents.local.model_runner import ModelRunner
from envgym.agents.local.request import EngineStats, Generation, Request
from envgym.agents.local.sampling import SamplingParams
from envgym.agents.local.worker import Worker
from envgym.errors import UsageError

T = TypeVar("T")


class Engine:
    """Generation engine that shares a model's weights with its trainer in this process.

    Nothing is copied: the model's own parameters are read at every step. After changing them in
    place, call `update_weights`; do not change them while a generation is running.

    Args:
        model: A decoder-only causal LM. Llama-shaped ones (Llama, Qwen2, Qwen3, Mistral) run on
            the lean forward, all others through `model(...)`; `runner_name` says which.
        max_rows: Maximum number of sessions that hold keys and values, hence of concurrent rows.
            With more sessions, an idle one loses its slot and is computed again.
        max_context: Maximum number of ids of a context plus its generation; `None` takes the
            model's own maximum (`max_position_embeddings`), which is also the upper bound.
        eos_ids: Ids that end every generation, besides each request's `stop_ids`; `None` takes
            the model's generation config, `()` means none.
        deterministic: Wait before each step for every caller that has joined, so that batches, and
            with them the last bits of log-probs, do not depend on timing.
        patience_s: Otherwise, maximum seconds without an arrival before the engine steps without
            the absent callers; 0 never waits.

    Raises:
        UsageError: The model keeps a state other than keys and values.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        max_rows: int = 256,
        max_context: int | None = 4096,
        eos_ids: Sequence[int] | None = None,
        deterministic: bool = False,
        patience_s: float = 0.002,
    ) -> None:
        if max_rows < 1:
            raise UsageError(f"max_rows must be at least 1, got {max_rows}")
        limit = getattr(model.config, "max_position_embeddings", None) or max_context or 4096
        self.max_context = min(max_context or limit, limit)
        embedding: Any = model.get_input_embeddings()
        self._vocabulary: int = embedding.weight.shape[0]
        runner: ModelRunner = (
            HFRunner(model)
            if unsupported(model, self.max_context)
            else LlamaRunner(model, self.max_context)
        )
        self.runner_name: str = runner.name
        self.version = 0
        self._worker = Worker(
            runner,
            max_rows=max_rows,
            max_context=self.max_context,
            eos_ids=frozenset(_eos_ids(model) if eos_ids is None else eos_ids),
            barrier=BatchBarrier(patience_s, deterministic),
        )
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def stats(self) -> EngineStats:
        """Counters of computed and reused work."""
        return self._worker.stats

    async def generate(
        self,
        session: str,
        ids: Sequence[int],
        params: SamplingParams,
        *,
        stop_text: Callable[[list[int]], bool] | None = None,
        group: str | None = None,
    ) -> Generation:
        """Continue a context; cancelling the call removes its row from the batch.

        Cancelling the call takes its row out of the batch.

        Args:
            session: Name of the conversation; its keys and values are kept for its next turn.
                One generation at a time.
            ids: The whole context, earlier turns included. What it shares with the session's last
                turn is not computed again; if history was rewritten, that is less.
            params: Sampling parameters.
            stop_text: Called in the worker thread with the ids sampled so far after each of them;
                true ends the generation. Keep it cheap, every row waits for it.
            group: Sessions of one group share the computation of a common prefix.

        Returns:
            The generation; empty with `finish="context"` when `ids` fills `max_context` already.

        Raises:
            UsageError: No ids, an id outside the vocabulary, a session that is already
                generating, or a closed engine.
            FloatingPointError: The model's logits are not finite.
        """
        if self._closed:
            raise UsageError("the engine is closed; make a new one")
        context = list(ids)
        if not context:
            raise UsageError("ids is empty; a generation needs at least one context id")
        if min(context) < 0 or max(context) >= self._vocabulary:
            raise UsageError(
                f"ids must be in [0, {self._vocabulary}), got {min(context)} to {max(context)}; "
                "is this the model's own tokenizer?"
            )
        if len(context) >= self.max_context:
            return Generation([], [], "context", [])
        self._start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Generation] = loop.create_future()
        request = Request(session, context, params, stop_text, group, loop, future)
        self._worker.post(partial(self._worker.submit, request))
        try:
            return await future
        except asyncio.CancelledError:
            self._worker.post(partial(self._worker.cancel, request))
            raise

    def update_weights(self, version: int | None = None) -> None:
        """Count a new weight version and drop every cached key and value.

        Running generations have their context computed anew and go on under the new weights:
        `Generation.versions` tells which ids came before and after.

        Args:
            version: Version number to set, where the parameters are an earlier run's.
        """
        self.version = self.version + 1 if version is None else version
        self._worker.post(partial(self._worker.forget, self.version))

    async def between_steps(self, work: Callable[[], T]) -> T:
        """Run `work` in the worker thread between two decode steps; return its result.

        The parameters may be changed there also while generations run; call `update_weights` after.
        """
        if self._closed:
            raise UsageError("the engine is closed; make a new one")
        self._start()
        done: concurrent.futures.Future[T] = concurrent.futures.Future()

        def run() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                result = work()
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(result)

        self._worker.post(run)
        return await asyncio.wrap_future(done)

    async def pause(self) -> None:
        """Stop decoding after the current step; running and new generations wait."""
        await self.between_steps(partial(self._worker.hold, True))

    async def resume(self) -> None:
        """Decode again."""
        await self.between_steps(partial(self._worker.hold, False))

    async def free_memory(self) -> None:
        """Drop the memory of all keys and values, for a learner that needs it between rollouts.

        Sessions stay; each is computed again at its next generation.
        """
        if self._thread is not None and not self._closed:
            done = threading.Event()
            self._worker.post(partial(self._worker.free_memory, done))
            await asyncio.to_thread(done.wait)

    def join(self, callers: int) -> None:
        """Register `callers` that each call again and again until they `leave`."""
        self._worker.post(partial(self._worker.count_callers, callers))

    def leave(self) -> None:
        """Unregister a caller."""
        self._worker.post(partial(self._worker.count_callers, -1))

    async def release(self, session: str) -> None:
        """Forget a session, after its generation if one is running."""
        self._worker.post(partial(self._worker.release, session))

    async def close(self) -> None:
        """Stop the worker thread; running generations fail. Safe to call twice."""
        self._closed = True
        if self._thread is not None:
            self._worker.post(self._worker.stop)
            await asyncio.to_thread(self._thread.join)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._worker.run, name="envgym-engine", daemon=True
            )
            self._thread.start()


def _eos_ids(model: PreTrainedModel) -> list[int]:
    """The model's end-of-sequence ids, as `model.generate` takes them."""
    configured = model.generation_config.eos_token_id if model.generation_config else None
    if configured is None:
        return []
    return list(configured) if isinstance(configured, (list, tuple)) else [configured]
