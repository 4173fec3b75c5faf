"""Served model: the local engine with requests by name, pauses and labelled weight versions.

It gives the engine the states that vLLM's weight update goes through, so that one client drives
both. Weights change between two decode steps alone, and every change drops all cached keys and
values, so that no reply can rest on stale ones.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from pathlib import Path

from transformers import PreTrainedModel

from envgym.agents.local.engine import Engine
from envgym.agents.local.request import Generation
from envgym.agents.local.sampling import SamplingParams
from envgym.agents.serve_model.schemas import PauseMode, Sampling
from envgym.agents.serve_model.weight_files import checksums, copy_weights, read_weights
from envgym.agents.stop_text import stop_on
from envgym.chat.renderer import Chat

FIRST_LABEL = "default"
"""Label of the weights with which a server starts, as vLLM has it."""
_MAX_STOPS = 64  # lists of stop texts kept ready


class ServedModel:
    """A model behind the engine.

    Args:
        model: The causal LM; its weights are replaced in place.
        chat: Its tokenizer's template and dialect.
        name: Name in requests.
        max_rows, max_context: See `Engine`.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        chat: Chat,
        name: str,
        *,
        max_rows: int = 256,
        max_context: int | None = None,
    ) -> None:
        self.chat, self.name = chat, name
        self.engine = Engine(model, max_rows=max_rows, max_context=max_context)
        self.asleep = False
        self._model = model
        self._labels = {self.engine.version: FIRST_LABEL}
        self._open = asyncio.Event()
        self._open.set()
        self._running: defaultdict[str, set[asyncio.Task[Generation]]] = defaultdict(set)
        self._sessions: set[str] = set()
        self._unnamed = 0
        self._stops = lru_cache(_MAX_STOPS)(partial(stop_on, tokenizer=chat.tokenizer))

    @property
    def label(self) -> str:
        """Label of the current weights."""
        return self._labels[self.engine.version]

    @property
    def paused(self) -> bool:
        """Flag: requests wait."""
        return not self._open.is_set()

    @property
    def running(self) -> int:
        """Number of requests that have not ended."""
        return sum(map(len, self._running.values()))

    async def generate(
        self, request_id: str, ids: list[int], sampling: Sampling, session: str, salt: str
    ) -> Generation | None:
        """Sample a continuation; None where the request was aborted.

        Cancelling the call frees the request's row.

        Args:
            session: Name of the conversation; empty for none.
            salt: Keys and values are shared within it.

        Raises:
            UsageError: Ids or parameters that the engine refuses.
        """
        task = asyncio.create_task(self._generate(ids, sampling, session, salt))
        self._running[request_id].add(task)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            self._running[request_id].discard(task)
            if not self._running[request_id]:
                del self._running[request_id]
        return None if task.cancelled() else task.result()

    def spans(self, generation: Generation) -> list[dict[str, object]]:
        """Make vLLM's spans of equal weight labels, over the indices of sampled ids."""
        spans: list[dict[str, object]] = []
        for index, version in enumerate(generation.versions):
            label = self._labels[version]
            if spans and spans[-1]["version"] == label:
                spans[-1]["end"] = index + 1
            else:
                spans.append({"version": label, "start": index, "end": index + 1})
        return spans

    def abort(self, request_ids: Iterable[str] | None = None) -> int:
        """Abort requests by name, or all of them; return their number."""
        names = list(self._running) if request_ids is None else list(request_ids)
        tasks = [task for name in names for task in self._running.get(name, ())]
        for task in tasks:
            task.cancel()
        return len(tasks)

    async def pause(self, mode: PauseMode) -> None:
        """Let requests wait.

        Args:
            mode: ``abort`` ends those that run, ``wait`` lets them finish, ``keep`` holds them.
        """
        self._open.clear()
        if mode == "keep":
            await self.engine.pause()
            return
        if mode == "abort":
            self.abort()
        tasks = [task for tasks in self._running.values() for task in tasks]
        if mode == "wait" and tasks:
            await asyncio.wait(tasks)

    async def resume(self) -> None:
        """Let requests go on."""
        await self.engine.resume()
        self.asleep = False
        self._open.set()

    async def sleep(self, mode: PauseMode) -> None:
        """Pause, and give the memory of keys and values back."""
        await self.pause(mode)
        await self.engine.free_memory()
        self.asleep = True

    async def load(self, folder: Path) -> None:
        """Load weights from a folder, checked as a whole before the first is changed.

        Raises:
            UsageError: See `read_weights`; the weights are unchanged.
        """
        weights = await asyncio.to_thread(read_weights, self._model, folder)
        await self.engine.between_steps(partial(copy_weights, self._model, weights))
        self.set_label(self.label)

    def set_label(self, label: str) -> None:
        """Name the current weights; cached keys and values are dropped."""
        self._labels[self.engine.version + 1] = label
        self.engine.update_weights()

    def reset_cache(self, also_running: bool) -> bool:
        """Drop cached keys and values; false while requests hold some and are not to be reset."""
        if self.running and not also_running:
            return False
        self.set_label(self.label)
        return True

    async def checksums(self) -> dict[str, str]:
        """Checksums of the weights by name."""
        return await self.engine.between_steps(partial(checksums, self._model))

    async def close(self) -> None:
        """Stop the engine; requests fail."""
        await self.engine.close()

    async def _generate(
        self, ids: list[int], sampling: Sampling, session: str, salt: str
    ) -> Generation:
        await self._open.wait()
        room = max(self.engine.max_context - len(ids), 1)
        params = SamplingParams(
            max_tokens=min(sampling.max_tokens or room, room),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=max(sampling.top_k, 0),
            stop_ids=tuple(sampling.stop_token_ids),
            seed=sampling.seed,
        )
        name, kept = f"{salt}/{session}", bool(session)
        if not session or name in self._sessions:  # one generation at a time for each session
            self._unnamed += 1
            name, kept = f"{salt}#{self._unnamed}", False
        self._sessions.add(name)
        try:
            return await self.engine.generate(
                name, ids, params, stop_text=self._stop_text(sampling.stops), group=salt
            )
        finally:
            self._sessions.discard(name)
            if not kept:
                await self.engine.release(name)

    def _stop_text(self, strings: tuple[str, ...]) -> Callable[[list[int]], bool] | None:
        return self._stops(strings) if strings else None
