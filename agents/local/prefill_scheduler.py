"""Prefill scheduler: reduce a turn's context to the tokens that are not cached yet.

A session's earlier turns are in its slot already. The first turns of a group's sessions share one
prompt: it is computed once and copied, even when all of them arrive at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from envgym.agents.local.kv.slots import KVSlot, KVSlotTable, common_prefix
from envgym.agents.local.model_runner import Chunk, ModelRunner
from envgym.agents.local.request import EngineStats, Row

_PREFILL_TOKENS = 4096  # most tokens of one forward: bounds the memory of its activations


def keep_own_prefix(slot: KVSlot, ids: Sequence[int]) -> bool:
    """Cut the cached ids of a session to their common prefix with `ids`.

    The last id is never taken from the cache: its logits are what the first step needs.

    Returns:
        Whether the context only grew, so that no other session can know more of it.
    """
    shared = min(common_prefix(slot.cached, ids), len(ids) - 1)
    grew = 0 < len(slot.cached) == shared
    slot.cached = slot.cached[:shared]
    return grew


def split_wave(rows: Sequence[Row], table: KVSlotTable) -> tuple[list[Row], list[Row]]:
    """Split rows into those to prefill now and those whose prefix one of these computes."""
    wave: list[Row] = []
    deferred: list[Row] = []
    for row in rows:
        group = row.request.group
        context = row.request.ids[:-1]
        known = len(row.slot.cached)
        if not row.grew and group is not None:
            known = max(known, _longest_shared(row, context, table)[1])
            rivals = (w.request.ids[:-1] for w in wave if w.request.group == group)
            ahead = max((common_prefix(ids, context) for ids in rivals), default=0)
            if 2 * (ahead - known) > len(context) - known:
                deferred.append(row)
                continue
        wave.append(row)
    return wave, deferred


def prefill(
    rows: Sequence[Row], table: KVSlotTable, runner: ModelRunner, stats: EngineStats
) -> None:
    """Store every context id but the last of each row, by copying and computing."""
    copies: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        slot, context = row.slot, row.request.ids[:-1]
        if not row.grew and row.request.group is not None:
            mate, known = _longest_shared(row, context, table)
            if mate is not None and known > len(slot.cached):
                copies.setdefault((mate.index, known), []).append(slot.index)
                stats.shared_tokens += known - len(slot.cached)
                slot.cached = context[:known]
        stats.reused_tokens += len(slot.cached)
        stats.prefilled_tokens += len(row.request.ids) - len(slot.cached)
    for (source, columns), targets in copies.items():
        runner.copy_prefix(source, targets, columns)
    compute([(row.slot, row.request.ids[:-1]) for row in rows], runner)


def compute(contexts: Sequence[tuple[KVSlot, list[int]]], runner: ModelRunner) -> None:
    """Run the uncached part of each session's context through the model."""
    chunks = [
        Chunk(slot.index, len(slot.cached), ids[len(slot.cached) :])
        for slot, ids in contexts
        if len(ids) > len(slot.cached)
    ]
    for batch in _batches(chunks):
        runner.prefill(batch)
    for slot, ids in contexts:
        slot.cached = ids


def _longest_shared(row: Row, context: list[int], table: KVSlotTable) -> tuple[KVSlot | None, int]:
    """The session of the row's group that has most of its context cached, and how much."""
    best, known = None, 0
    for mate in table.group_slots(row.request.group or ""):
        # Rows of the same wave are not computed yet, but their cached ids are already correct.
        if mate is row.slot or len(mate.cached) <= known:
            continue
        shared = common_prefix(mate.cached, context)
        if shared > known:
            best, known = mate, shared
            if known == len(context):
                break
    return best, known


def _batches(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    """Chunks in batches of at most `_PREFILL_TOKENS`; a longer one is cut in pieces."""
    batch: list[Chunk] = []
    room = _PREFILL_TOKENS
    for chunk in chunks:
        done = 0
        while done < len(chunk.ids):
            piece = chunk.ids[done : done + room]
            batch.append(Chunk(chunk.slot, chunk.start + done, piece))
            done += len(piece)
            room -= len(piece)
            if room == 0:
                yield batch
                batch, room = [], _PREFILL_TOKENS
    if batch:
        yield batch
