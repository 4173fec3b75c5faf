"""Hidden states at the positions that predict action tokens, and the micro-batches they run in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.trainers.learner.layout import Layout, SharedPrefixes
from envgym.trainers.learner.packing import packable, packed_states, token_pairs
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.learner.shared_prefix import hidden_states


class MicroBatch(list[TrainRow]):
    """Rows of one forward pass.

    Attributes:
        layout: Layout of the rows in one sequence; None where they run padded.
    """

    def __init__(self, rows: Iterable[TrainRow], layout: Layout | None = None) -> None:
        super().__init__(rows)
        self.layout = layout


def micro_batch(model: PreTrainedModel, rows: Sequence[TrainRow]) -> MicroBatch:
    """All rows as one micro-batch, in their order; packed where the model supports it."""
    prefixes = _prefixes(model, rows, True)
    return MicroBatch(rows, prefixes.layout(prefixes.rank) if prefixes else None)


def micro_batches(
    model: PreTrainedModel,
    rows: Sequence[TrainRow],
    tokens: int,
    packing: bool = True,
    whole_samples: bool = False,
) -> Iterator[MicroBatch]:
    """Cut rows into micro-batches of at most `tokens` tokens; a longer row is one of its own.

    Packed: rows with a common prefix stay together, and the parts are as equal in size as the order
    allows, so that the largest, which sets the peak of memory, is as small as possible. A prefix
    that a part shares counts once. Padded: rows are sorted by length, and padding counts as tokens.

    Args:
        packing: Whether to lay rows out without padding, where the model supports it; else rows are
            padded on the right, which changes nothing under causal attention.
        whole_samples: Whether all rows of a sample, or of a pair of samples, stay in one part; a
            longer one is a part of its own.
    """
    units: dict[int | str, list[int]] = {}
    for index, row in enumerate(rows):
        units.setdefault(row.unit if whole_samples else index, []).append(index)
    if prefixes := _prefixes(model, rows, packing):
        index_at = np.argsort(prefixes.rank)
        for ranks in _even(
            prefixes, [[prefixes.rank[i] for i in u] for u in units.values()], tokens
        ):
            yield MicroBatch([rows[index_at[rank]] for rank in ranks], prefixes.layout(ranks))
        return
    part: list[TrainRow] = []
    padded = [[rows[i] for i in unit] for unit in units.values()]
    for unit in sorted(padded, key=_widest):  # no row of `part` is wider than its own
        if part and (len(part) + len(unit)) * _widest(unit) > tokens:
            yield MicroBatch(part)
            part = []
        part = part + unit
    if part:
        yield MicroBatch(part)


def action_states(
    model: PreTrainedModel, rows: Sequence[TrainRow], checkpointing: bool = False
) -> tuple[Tensor, Tensor]:
    """Hidden states before the action tokens of rows, row after row.

    Args:
        rows: A micro-batch, run as it is laid out; other rows become one.
        checkpointing: Whether the backward pass computes activations again, layer by layer.

    Returns:
        The states [N, H], and the ids of the action tokens, int64 [N].
    """
    batch = rows if isinstance(rows, MicroBatch) else micro_batch(model, rows)
    device = next(model.parameters()).device
    targets = np.concatenate([r.row.ids[r.row.mask] for r in batch])
    if batch.layout is not None:
        places = zip(batch.layout.places, batch, strict=True)
        before = np.concatenate([place[:-1][r.row.mask[1:]] for place, r in places])
        states = packed_states(model, batch.layout, checkpointing)
        found = states[torch.from_numpy(before).to(device)]
    else:
        width = _widest(batch)
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        action = torch.zeros(len(batch), width, dtype=torch.bool)
        for i, item in enumerate(batch):
            ids[i, : len(item.row)] = torch.from_numpy(item.row.ids)
            action[i, : len(item.row)] = torch.from_numpy(item.row.mask)
        ids, action = ids.to(device), action.to(device)
        hidden, skipped = hidden_states(model, ids, action, checkpointing)
        found = hidden[:, :-1][action[:, skipped + 1 :]]
    return found, torch.from_numpy(targets).to(device)


def _prefixes(
    model: PreTrainedModel, rows: Sequence[TrainRow], packing: bool
) -> SharedPrefixes | None:
    """Shared prefixes of rows that run packed; None where they run padded."""
    if not rows or not packing or not packable(model):
        return None
    return SharedPrefixes([r.row.ids for r in rows], token_pairs(model))


def _even(prefixes: SharedPrefixes, units: Iterable[list[int]], most: int) -> list[list[int]]:
    """Cut into the fewest parts of at most `most` tokens, at the smallest sufficient limit."""
    ordered = sorted(units)
    wanted = len(_filled(prefixes, ordered, most))
    low, high = 0, most  # a limit of `low` needs more parts, one of `high` does not
    while high - low > 1:
        middle = (low + high) // 2
        enough = len(_filled(prefixes, ordered, middle)) <= wanted
        low, high = (low, middle) if enough else (middle, high)
    return _filled(prefixes, ordered, high)


def _filled(prefixes: SharedPrefixes, units: Sequence[list[int]], most: int) -> list[list[int]]:
    """Fill parts with units, lists of ranks, in their order; a unit over `most` is alone."""
    parts: list[list[int]] = []
    size = most
    for unit in units:
        if parts:
            union, added = prefixes.with_rows(parts[-1], unit)
            if size + added <= most:
                parts[-1] = union
                size += added
                continue
        alone, size = prefixes.with_rows([], unit)
        parts.append(alone)
    return parts


def _widest(rows: Sequence[TrainRow]) -> int:
    return max(len(r.row) for r in rows)
