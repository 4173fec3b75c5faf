"""Hidden states at the positions that predict action tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.trainers.collection.samples import Parts, Sample
from envgym.trainers.learner.packing import lay_out, packable, packed_states, token_pairs
from envgym.trainers.learner.rows import TrainRow, train_rows
from envgym.trainers.learner.shared_prefix import hidden_states


def action_states(
    model: PreTrainedModel, rows: Sequence[TrainRow], packing: bool = True
) -> tuple[Tensor, Tensor]:
    """Hidden states before the action tokens of rows, row after row.

    Args:
        packing: Whether to lay rows out without padding, where the model supports it; else rows are
            padded on the right, which changes nothing under causal attention.

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
    rows: Sequence[TrainRow], tokens: int, packing: bool = True, whole_samples: bool = False
) -> Iterator[list[TrainRow]]:
    """Cut rows into micro-batches of at most `tokens` tokens; a longer row is one of its own.

    Packed: rows with a common prefix stay together, and the parts are as equal in size as the order
    allows, so that the largest, which sets the peak of memory, is as small as possible. Padded:
    rows are sorted by length, and padding counts as tokens.

    Args:
        whole_samples: Whether all rows of a sample stay in one part.
    """
    units: dict[int, list[TrainRow]] = {}
    for index, row in enumerate(rows):
        units.setdefault(row.sample if whole_samples else index, []).append(row)
    if packing:
        yield from _even(sorted(units.values(), key=lambda u: _token_bytes(u[0])), tokens)
        return
    part: list[TrainRow] = []
    for unit in sorted(units.values(), key=_widest):  # no row of `part` is wider than its own
        if part and (len(part) + len(unit)) * _widest(unit) > tokens:
            yield part
            part = []
        part = part + unit
    if part:
        yield part


def by_turn(
    samples: Sequence[Sample],
    ask: Callable[[list[TrainRow]], Tensor],
    tokens: int,
    packing: bool = True,
) -> list[Parts]:
    """Evaluate `ask` on each action token of samples, in the target context, without gradient.

    Args:
        ask: Function from rows to one number per action token, [N].
        tokens, packing: As for `micro_batches`.

    Returns:
        For each sample one float32 array per turn.
    """
    kept = [[np.zeros(len(t.action), np.float32) for t in s.trajectory.turns] for s in samples]
    with torch.no_grad():
        for part in micro_batches(train_rows(samples, [1.0] * len(samples)), tokens, packing):
            told = ask(part).float().cpu().numpy()
            for item in part:
                turns = item.row.turn[item.row.mask]
                own, told = told[: len(turns)], told[len(turns) :]
                for turn in np.unique(turns):  # an action lies in one row, whole
                    kept[item.sample][turn] = own[turns == turn]
    return kept


def _even(units: Sequence[list[TrainRow]], most: int) -> list[list[TrainRow]]:
    """Cut into the fewest parts of at most `most` tokens, at the smallest sufficient limit."""
    wanted = len(_filled(units, most))
    low, high = 0, most  # a limit of `low` needs more parts, one of `high` does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if len(_filled(units, middle)) <= wanted else (middle, high)
    return _filled(units, high)


def _filled(units: Sequence[list[TrainRow]], most: int) -> list[list[TrainRow]]:
    parts: list[list[TrainRow]] = []
    room = 0
    for unit in units:
        size = sum(len(r.row) for r in unit)
        if size > room:
            parts.append([])
            room = max(most, size)
        parts[-1] += unit
        room -= size
    return parts


def _token_bytes(row: TrainRow) -> bytes:
    return row.row.ids.astype(">i8").tobytes()


def _widest(rows: Sequence[TrainRow]) -> int:
    return max(len(r.row) for r in rows)
