"""Model runner: the interface between the engine and a model's forward pass.

The engine thinks in slots and columns; a runner turns them into tensors. There are two: a lean one
for Llama-shaped models and a generic one that calls the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch


@dataclass(frozen=True)
class Chunk:
    """New context ids of one slot, to be stored from column `start` on."""

    slot: int
    start: int
    ids: list[int]


class ModelRunner(Protocol):
    """A forward pass over a KV cache; called by the worker thread alone, without gradients."""

    name: str
    device: torch.device

    def reserve(self, columns: Mapping[int, int]) -> None:
        """Hold memory for exactly these slots, each of at least so many columns.

        Content stays, up to the columns that were reserved before; on an error all of it is lost.
        """

    def free(self) -> None:
        """Drop the memory of all keys and values; `reserve` allocates anew."""

    def prefill(self, chunks: Sequence[Chunk]) -> None:
        """Compute and store the keys and values of chunks of different slots."""

    def decode(
        self, slots: Sequence[int], ids: Sequence[int], positions: Sequence[int]
    ) -> torch.Tensor:
        """Feed one id to each slot at its column; return logits `[rows, vocabulary]`.

        `slots` ascends, and is the same object for as long as the batch has the same rows.
        """

    def copy_prefix(self, source: int, targets: Sequence[int], columns: int) -> None:
        """Copy the first columns of a slot to other slots."""

    def drop(self, slot: int) -> None:
        """Give up the memory of a slot, which may hold non-finite numbers."""
