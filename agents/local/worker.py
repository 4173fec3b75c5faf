"""Worker thread that owns the model while it generates: admit, step, retire, repeat.

Requests join between any two steps and finished rows leave at once, so the batch is always made of
rows that still have something to sample. Everything the engine knows about slots and sessions is
touched by this thread alone; other threads post commands to it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import torch

from envgym.agents.local.batch_barrier import BatchBarrier
from envgym.agents.local.kv.slots import KVSlotTable
from envgym.agents.local.model_runner import ModelRunner
from envgym.agents.local.prefill_scheduler import compute, keep_own_prefix, prefill, split_wave
from envgym.agents.local.request import EngineStats, Finish, Generation, Request, Row
from envgym.agents.local.sampling import BatchSampler
from envgym.errors import UsageError

_log = logging.getLogger(__name__)

_COALESCE_S = 0.001  # most time an idle engine waits for company
_ARRIVAL_GAP_S = 0.0002


class Worker:
    """Continuous batching over a model runner.

    Args:
        runner: The forward pass.
        max_rows: Number of slots, hence most rows that run at once.
        max_context: Maximum number of ids of a context plus its generation.
        eos_ids: Ids that end every generation.
        barrier: The wait for absent callers before a step.
    """

    def __init__(
        self,
        runner: ModelRunner,
        *,
        max_rows: int,
        max_context: int,
        eos_ids: frozenset[int],
        barrier: BatchBarrier,
    ) -> None:
        self.stats = EngineStats()
        self.version = 0
        self._runner = runner
        self._max_context = max_context
        self._eos_ids = eos_ids
        self._table = KVSlotTable(max_rows)
        self._barrier = barrier
        self._arrived: list[Request] = []
        self._waiting: deque[Request] = deque()
        self._rows: list[Row] = []
        self._slots: list[int] = []
        self._sampler: BatchSampler | None = None
        self._settled: list[tuple[Request, Generation | Exception]] = []
        self._inbox: deque[Callable[[], None]] = deque()
        self._arrival = threading.Condition()
        self._stopping = False
        self._held = False

    def post(self, command: Callable[[], None]) -> None:
        """Queue a command to run between two steps; called from any thread."""
        with self._arrival:
            self._inbox.append(command)
            self._arrival.notify()

    def run(self) -> None:
        """Run the loop of the thread."""
        with torch.inference_mode():
            while not self._stopping:
                try:
                    self._receive()
                    if self._held:  # a command held it while it waited for callers
                        continue
                    began = time.monotonic()
                    self._admit()
                    if self._rows:
                        self._step()
                    self._barrier.computed(time.monotonic() - began)
                except Exception as error:
                    self._fail_all(error)
                self._deliver()
            self._run_commands()
            self._fail_all(UsageError("the engine was closed before this generation finished"))
            self._deliver()

    # Commands, run by the thread through `post`.

    def submit(self, request: Request) -> None:
        """Queue a request."""
        self._arrived.append(request)

    def count_callers(self, more: int) -> None:
        """Add `more` callers, or remove them where negative: see `BatchBarrier`."""
        self._barrier.callers += more

    def cancel(self, request: Request) -> None:
        """Remove a request, queued or running."""
        for queue in (self._arrived, self._waiting):
            if request in queue:
                queue.remove(request)
        for row in self._rows:
            if row.request is request:
                self._table.retire(row.slot, row.cached_ids)
                self._set_rows([r for r in self._rows if r is not row])
                break

    def release(self, name: str) -> None:
        """Forget a session, after its row if one is running."""
        self._table.release(name)
        for request in (*self._arrived, *self._waiting):
            if request.session == name:
                request.last = True

    def forget(self, version: int) -> None:
        """Drop everything the old weights computed, and recompute the context of running rows."""
        self.version = version
        self._recompute()

    def free_memory(self, done: threading.Event) -> None:
        """Drop the memory of keys and values, and recompute the context of running rows."""
        try:
            self._runner.free()
            self._recompute()
        finally:
            done.set()

    def _recompute(self) -> None:
        """Distrust every cached key and value; compute those of running rows again."""
        self._table.forget_cached()
        if not self._rows:
            return
        if not self._reserve():
            return
        try:
            compute([(row.slot, row.cached_ids) for row in self._rows], self._runner)
        except Exception as error:
            self._fail(list(self._rows), error)

    def hold(self, held: bool) -> None:
        """Stop stepping, or go on; rows keep their slots and ids meanwhile."""
        self._held = held

    def stop(self) -> None:
        """End the loop of `run`."""
        self._stopping = True

    # The loop's three parts.

    def _receive(self) -> None:
        """Run what was posted, until there are rows to step and everybody expected is there."""
        self._run_commands()
        while not self._stopping and (self._held or not self._present):
            if not self._table.slots():
                self._runner.free()
            with self._arrival:
                self._arrival.wait_for(lambda: self._inbox)
            self._coalesce()
            self._run_commands()
        self._wait_for_callers()
        # By name and not by arrival, so that slots and shared prefixes do not depend on timing.
        self._waiting.extend(sorted(self._arrived, key=lambda request: request.session))
        self._arrived.clear()

    def _wait_for_callers(self) -> None:
        """Wait for absent callers while the barrier says so; then step with those that are in."""
        waited = 0.0
        while not self._stopping and self._present and not self._barrier.complete(self._present):
            began = time.monotonic()
            with self._arrival:
                came = self._arrival.wait_for(lambda: self._inbox, self._barrier.wait_s)
            waited += time.monotonic() - began
            if not came and self._barrier.deterministic:
                _log.warning(
                    "waited %.0f s for %d of %d callers; where they wait for each other (too few "
                    "sandboxes for all of them), set rollout.deterministic to false",
                    waited,
                    self._barrier.callers - self._present,
                    self._barrier.callers,
                )
            elif not came:
                self._barrier.miss(self._present, waited)
                self.stats.missed += 1
            self._run_commands()
        self.stats.waited_s += waited

    @property
    def _present(self) -> int:
        """Requests in, running or not."""
        return len(self._rows) + len(self._waiting) + len(self._arrived)

    def _run_commands(self) -> None:
        while self._inbox:
            self._inbox.popleft()()

    def _coalesce(self) -> None:
        """Episodes in lock step submit within microseconds of each other: start them together."""
        seen, deadline = 0, time.perf_counter() + _COALESCE_S
        while len(self._inbox) > seen and time.perf_counter() < deadline:
            seen = len(self._inbox)
            time.sleep(_ARRIVAL_GAP_S)

    def _admit(self) -> None:
        pending: list[Row] = []
        while self._waiting:
            row: Row | Exception | None
            try:
                row = self._make_row(self._waiting[0])
            except Exception as error:  # fails this request alone
                row = error
            if row is None:
                break
            request = self._waiting.popleft()
            if isinstance(row, Exception):
                self._settled.append((request, row))
            else:
                pending.append(row)
        self.stats.evictions = self._table.evictions
        while pending:
            wave, pending = split_wave(pending, self._table)
            if not self._reserve(wave):
                continue
            try:
                prefill(wave, self._table, self._runner, self.stats)
            except Exception as error:
                self._fail(wave, error)
            else:
                self._set_rows([*self._rows, *wave])

    def _make_row(self, request: Request) -> Row | Exception | None:
        """A row for a request, what is wrong with it, or `None` while every slot is busy."""
        slot = self._table.get(request.session)
        if slot is not None and slot.busy:
            return UsageError(
                f"session {request.session!r} is already generating; "
                "await that generation, or use another session name"
            )
        # Everything that can fail comes before `acquire`: a failure later would leak the slot.
        room = self._max_context - len(request.ids)
        uniforms = request.params.uniforms(min(request.params.max_tokens, room))
        stop_ids = self._eos_ids.union(request.params.stop_ids)
        slot = self._table.acquire(request.session, request.group)
        if slot is None:
            return None
        slot.released = request.last
        grew = keep_own_prefix(slot, request.ids)
        return Row(
            request=request,
            slot=slot,
            next_id=request.ids[-1],
            position=len(request.ids) - 1,
            uniforms=uniforms,
            stop_ids=stop_ids,
            grew=grew,
        )

    def _step(self) -> None:
        if not self._reserve():
            return
        rows = self._rows
        assert self._sampler is not None
        try:
            positions = [row.position for row in rows]
            logits = self._runner.decode(self._slots, [row.next_id for row in rows], positions)
            uniforms = [row.uniforms[len(row.ids)] for row in rows]
            ids, logprobs = self._sampler(logits, uniforms)
        except Exception as error:
            self._fail(rows, error)
            return
        self.stats.decode_steps += 1
        self.stats.decoded_tokens += len(rows)
        running: list[Row] = []
        for row, token, logprob in zip(rows, ids, logprobs, strict=True):
            try:
                finish = row.accept(token, logprob, self.version, self._max_context)
            except Exception as error:
                self._fail([row], error)
                continue
            if finish is None:
                running.append(row)
            else:
                self._finish(row, finish)
        if len(running) < len(rows):
            self._set_rows(running)

    # Endings.

    def _finish(self, row: Row, finish: Finish) -> None:
        self._table.retire(row.slot, row.cached_ids)
        self._settled.append((row.request, row.generation(finish)))

    def _fail(self, rows: list[Row], error: Exception) -> None:
        """Hand the error to these rows' callers and distrust what their slots hold."""
        self._set_rows([row for row in self._rows if row not in rows])
        for row in rows:
            self._settled.append((row.request, error))
            self._table.drop(row.slot)
            self._runner.drop(row.slot.index)

    def _fail_all(self, error: Exception) -> None:
        waiting, self._waiting = [*self._waiting, *self._arrived], deque()
        self._arrived.clear()
        self._settled += [(request, error) for request in waiting]
        self._fail(list(self._rows), error)

    def _deliver(self) -> None:
        """Resolve futures, with one wake-up of each event loop."""
        settled, self._settled = self._settled, []
        loops: dict[asyncio.AbstractEventLoop, list[tuple[Request, Generation | Exception]]] = {}
        for request, outcome in settled:
            loops.setdefault(request.loop, []).append((request, outcome))
        for loop, outcomes in loops.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, outcomes)

    def _set_rows(self, rows: list[Row]) -> None:
        self._rows = sorted(rows, key=lambda row: row.slot.index)
        self._slots = [row.slot.index for row in self._rows]
        params = [row.request.params for row in self._rows]
        self._sampler = BatchSampler(params, self._runner.device) if params else None

    def _reserve(self, joining: Sequence[Row] = ()) -> bool:
        """Make the cache hold what every session needs; false when that failed, and all rows."""
        columns = {slot.index: len(slot.cached) for slot in self._table.slots()}
        for row in (*self._rows, *joining):
            columns[row.slot.index] = row.position + 1
        try:
            self._runner.reserve(columns)
        except Exception as error:  # nothing is cached any more
            self._table.forget_cached()
            self._fail([*self._rows, *joining], error)
            return False
        return True


def _resolve(outcomes: list[tuple[Request, Generation | Exception]]) -> None:
    for request, outcome in outcomes:
        if request.future.done():
            continue
        if isinstance(outcome, Exception):
            request.future.set_exception(outcome)
        else:
            request.future.set_result(outcome)
