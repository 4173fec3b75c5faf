"""Pretraining phase in which a tiny model learns to copy.

Random strings of tokens, each repeated later in the row, are all it sees; no word of any task. Out
of it come the induction heads (Olsson et al. 2022) without which a small model takes many times as
long to learn to quote a page.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel

_ALPHABETS = (16, 48, 1 << 30)  # different tokens a row draws on; the last is all of them


class CopyingPhase(BaseModel):
    """Settings of the copying phase."""

    model_config = ConfigDict(extra="forbid")

    steps: int = Field(400, ge=0, description="Optimiser steps; 0 skips the phase.")
    rows: int = Field(64, description="Rows a step.")
    length: int = Field(128, description="Tokens a row.")
    lr: float = Field(3e-3, description="Peak learning rate.")


def learn_to_copy(
    model: PreTrainedModel,
    phase: CopyingPhase,
    seed: int,
    on_step: Callable[[int, float], None] | None = None,
) -> float:
    """Train in place; return the last step's accuracy on the second copies."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=phase.lr, weight_decay=0.01)
    accuracy = 0.0
    for step in range(phase.steps):
        for group in optimizer.param_groups:
            group["lr"] = phase.lr * min(1.0, (step + 1) / 20, 2 * (1 - step / phase.steps))
        rows = copying_batch(phase, model.config.vocab_size, generator)
        ids, repeated = (tensor.to(model.device) for tensor in rows)
        logits = model(input_ids=ids).logits[:, :-1]
        targets, counted = ids[:, 1:], repeated[:, 1:]
        loss = F.cross_entropy(logits[counted], targets[counted])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        accuracy = (logits[counted].argmax(-1) == targets[counted]).float().mean().item()
        if on_step is not None:
            on_step(step, accuracy)
    return accuracy


def copying_batch(
    phase: CopyingPhase, vocabulary: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Make random rows in which short strings are repeated.

    Some rows draw on few different tokens: the one before does not tell there which one follows,
    as a given name that two people on a page share does not tell the family name.

    Returns:
        ids [rows, length], and a mask of the tokens that continue a repeated string.
    """
    rows, length = phase.rows, phase.length
    alphabets = torch.randint(0, vocabulary, (rows, vocabulary), generator=generator)
    kinds = torch.randint(0, len(_ALPHABETS), (rows,), generator=generator)
    sizes = torch.tensor(_ALPHABETS)[kinds].clamp(max=vocabulary)
    draws = torch.rand(rows, length, generator=generator) * sizes.unsqueeze(1)
    ids = alphabets.gather(1, draws.long())
    repeated = torch.zeros(rows, length, dtype=torch.bool)
    half = length // 2
    starts = torch.randint(0, half - 1, (rows, half), generator=generator).tolist()
    lengths = torch.randint(3, 12, (rows, half), generator=generator).tolist()
    for row in range(rows):
        place, piece = half, 0
        while place < length:
            source = starts[row][piece]
            size = min(lengths[row][piece], half - source, length - place)
            ids[row, place : place + size] = ids[row, source : source + size]
            repeated[row, place + 1 : place + size] = True
            place, piece = place + size, piece + 1
    return ids, repeated
