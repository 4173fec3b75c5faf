"""What a model makes of rows: the hidden states that predict their action tokens, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.trainers.batch import TrainRow
from envgym.trainers.packing import lay_out, packable, packed_states, token_pairs
from envgym.trainers.shared_prefix import hidden_states


def action_states(
    model: PreTrainedModel, rows: Sequence[TrainRow], packing: bool = True
) -> tuple[Tensor, Tensor]:
    """The states before the action tokens of some rows, row after row.

    Args:
        packing: Lay rows out without padding, where the model lets it; else pad them on the right:
            under causal attention that changes nothing before it.

    Returns:
        The states [N, H], and the ids of the action tokens, int64 [N].
    """
    device = next(model.parameters()).device
    targets = np.concatenate([r.row.ids[r.row.mask] for r in rows])
    if packing and packable(model):
        layout = lay_out([r.row.ids for r in rows], token_pairs(model))
        before = [place[:-1][r.row.mask[1:]] for place, r in zip(layout.places, rows, strict=True)]
        found = packed_states(model, layout)[torch.from_numpy(np.concatenate(before)).to(device)]
    else:
        width = max(len(r.row) for r in rows)
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        action = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, item in enumerate(rows):
            ids[i, : len(item.row)] = torch.from_numpy(item.row.ids)
            action[i, : len(item.row)] = torch.from_numpy(item.row.mask)
        ids, action = ids.to(device), action.to(device)
        hidden, skipped = hidden_states(model, ids, action)
        found = hidden[:, :-1][action[:, skipped + 1 :]]
    return found, torch.from_numpy(targets).to(device)


def micro_batches(
    rows: Sequence[TrainRow], tokens: int, packing: bool = True
) -> Iterator[list[TrainRow]]:
    """Cut rows into micro-batches of at most `tokens` tokens; a longer row is one of its own.

    Packed: rows that begin alike stay together, and the parts are of as equal a size as their
    order allows, so that the largest, which sets the peak of memory, is as small as their number
    allows. Padded: sorted by length, and padding is counted.
    """
    if packing:
        ordered = sorted(rows, key=lambda r: r.row.ids.astype(">i8").tobytes())
        yield from _even([(len(r.row), r) for r in ordered], tokens)
        return
    part: list[TrainRow] = []
    for item in sorted(rows, key=lambda r: len(r.row)):
        if part and (len(part) + 1) * len(item.row) > tokens:
            yield part
            part = []
        part.append(item)
    if part:
        yield part


def _even(rows: Sequence[tuple[int, TrainRow]], most: int) -> list[list[TrainRow]]:
    """The fewest parts of at most `most` tokens, then the least limit that needs no more."""
    wanted = len(_filled(rows, most))
    low, high = 0, most  # a limit of `low` needs more parts, one of `high` does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if len(_filled(rows, middle)) <= wanted else (middle, high)
    return _filled(rows, high)


def _filled(rows: Sequence[tuple[int, TrainRow]], most: int) -> list[list[TrainRow]]:
    parts: list[list[TrainRow]] = []
    room = 0
    for size, row in rows:
        if size > room:
            parts.append([])
            room = max(most, size)
        parts[-1].append(row)
        room -= size
    return parts
