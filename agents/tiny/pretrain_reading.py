"""Pretraining phase in which a tiny model learns to find facts on a page.

Documents are pages followed by a list of their facts; the loss covers only the pieces that a reader
of the pages could know. Copying rows are mixed in, because a model that finds a name must also copy
it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from envgym.agents.tiny.pretrain_copying import CopyingPhase, copying_batch

Document = Sequence[tuple[str, bool]]  # pieces of text, and whether each is learnt
_SORTED = 8  # batches cut from one pool of documents sorted by length, so that little is padding


class ReadingPhase(BaseModel):
    """Settings of the reading phase."""

    model_config = ConfigDict(extra="forbid")

    steps: int = Field(1800, ge=0, description="Optimiser steps; 0 skips the phase.")
    rows: int = Field(32, description="Documents a step.")
    lr: float = Field(2e-3, description="Peak learning rate.")
    copying: CopyingPhase = Field(
        CopyingPhase(rows=16, length=64), description="Shape of the copying rows mixed in."
    )
    copying_share: float = Field(0.3, description="Share of the steps that have copying rows.")


def learn_to_read(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    documents: Iterable[Document],
    phase: ReadingPhase,
    seed: int,
    on_step: Callable[[int, float], None] | None = None,
) -> float:
    """Train in place; return the last step's accuracy on the trained pieces.

    The first sixth of the steps all have copying rows, which bring the induction heads about.
    """
    rng = random.Random(f"reading:{seed}")
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=phase.lr, betas=(0.9, 0.98), weight_decay=0.01
    )
    accuracy = 0.0
    for step, (ids, learnt) in zip(
        range(phase.steps), _batches(documents, tokenizer, phase.rows, rng), strict=False
    ):
        decay = 1.5 * (1 - step / phase.steps)
        for group in optimizer.param_groups:
            group["lr"] = phase.lr * min(1.0, (step + 1) / 50, decay)
        loss, accuracy = _loss(model, ids, learnt)
        if 6 * step < phase.steps or rng.random() < phase.copying_share:
            copied = copying_batch(phase.copying, model.config.vocab_size, generator)
            loss = loss + _loss(model, *copied)[0]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if on_step is not None:
            on_step(step, accuracy)
    return accuracy


def _loss(model: PreTrainedModel, ids: Tensor, learnt: Tensor) -> tuple[Tensor, float]:
    hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    logits = model.get_output_embeddings()(hidden[:, :-1][learnt[:, 1:]])
    targets = ids[:, 1:][learnt[:, 1:]]
    accuracy = (logits.argmax(-1) == targets).float().mean().item()
    return F.cross_entropy(logits, targets), accuracy


def _batches(
    documents: Iterable[Document],
    tokenizer: PreTrainedTokenizerBase,
    rows: int,
    rng: random.Random,
) -> Iterator[tuple[Tensor, Tensor]]:
    """ids [rows, T] and the mask of learnt tokens, padded on the right."""
    source = iter(documents)
    while pool := [encode(tokenizer, d) for d in itertools.islice(source, rows * _SORTED)]:
        pool.sort(key=lambda encoded: len(encoded[0]))
        parts = [pool[i : i + rows] for i in range(0, len(pool), rows)]
        rng.shuffle(parts)
        for part in parts:
            width = max(len(ids) for ids, _ in part)
            ids = torch.zeros(len(part), width, dtype=torch.long)
            learnt = torch.zeros(len(part), width, dtype=torch.bool)
            for i, (row, mask) in enumerate(part):
                ids[i, : len(row)] = torch.tensor(row)
                learnt[i, : len(mask)] = torch.tensor(mask)
            yield ids, learnt


def encode(tokenizer: PreTrainedTokenizerBase, document: Document) -> tuple[list[int], list[bool]]:
    """Encode a document to ids, with a flag per id that is trained on."""
    ids: list[int] = []
    learnt: list[bool] = []
    for text, learn in document:
        piece = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += piece
        learnt += [learn] * len(piece)
    return ids, learnt
