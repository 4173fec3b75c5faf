"""Model runner for every other architecture: the model's own forward and cache class.

The slot cache stays the truth; a left-padded `DynamicCache` is built from it for a batch and kept
for as long as the same rows decode. That is the layout `model.generate` uses itself, so whatever
the model does with masks and positions is what it does there.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from envgym.agents.local.cache_argument import cache_argument
from envgym.agents.local.kv.cache import LayerShape, SlotCache
from envgym.agents.local.model_runner import Chunk
from envgym.errors import UsageError


class HFRunner:
    """Generic model runner.

    Args:
        model: Any decoder-only causal LM whose state is keys and values.

    Raises:
        UsageError: The model keeps another kind of state (recurrent, encoder-decoder).
    """

    name = "hf"

    def __init__(self, model: PreTrainedModel) -> None:
        self._model: Any = model
        self.device = model.device
        accepted = inspect.signature(model.forward).parameters
        self._takes_positions = "position_ids" in accepted
        # An adapter's forward names no argument; the wrapped model also takes the older name.
        self._takes_cache = cache_argument(model) or "past_key_values"
        self._keeps_last = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        layers = self._probe()
        self._cache = SlotCache(
            [LayerShape(k.shape[1], k.shape[3], v.shape[3]) for k, v in layers],
            dtype=layers[0][0].dtype,
            device=self.device,
        )
        self._live: DynamicCache | None = None
        self._live_slots: list[int] = []
        self._live_next: list[int] = []

    def reserve(self, columns: Mapping[int, int]) -> None:
        """Hold memory for exactly these slots, each of at least so many columns."""
        self._cache.reserve(columns)

    def free(self) -> None:
        """Drop the memory of all keys and values; `reserve` allocates anew."""
        self._live = None
        self._cache.free()

    def copy_prefix(self, source: int, targets: Sequence[int], columns: int) -> None:
        """Copy the first columns of a slot to other slots."""
        self._live = None
        self._cache.copy_prefix(source, targets, columns)

    def drop(self, slot: int) -> None:
        """Give up the memory of a slot, which may hold non-finite numbers."""
        self._live = None
        self._cache.drop(slot)

    def prefill(self, chunks: Sequence[Chunk]) -> None:
        """Compute and store the keys and values of chunks of different slots.

        Chunks of one length run together: padding inside a row would shift what a sliding window
        or a relative bias sees.
        """
        self._live = None

        def length(chunk: Chunk) -> int:
            return len(chunk.ids)

        for _, alike in groupby(sorted(chunks, key=length), key=length):
            batch = list(alike)
            starts = [c.start for c in batch]
            slots = [c.slot for c in batch]
            self._forward(self._gather(slots, starts), slots, [c.ids for c in batch], starts)

    def decode(
        self, slots: Sequence[int], ids: Sequence[int], positions: Sequence[int]
    ) -> torch.Tensor:
        """Feed one id to each slot; return logits `[rows, vocabulary]`."""
        live, self._live = self._live, None
        if live is None or self._live_slots != list(slots) or self._live_next != list(positions):
            live = self._gather(slots, positions)
        logits = self._forward(live, slots, [[i] for i in ids], positions)
        self._live, self._live_slots = live, list(slots)
        self._live_next = [p + 1 for p in positions]
        return logits

    def _probe(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Keys and values of one token, layer by layer."""
        reason = "it keeps no plain keys and values"
        if not (self._model._is_stateful or self._model.config.is_encoder_decoder):
            cache = DynamicCache()
            try:
                with torch.no_grad(), evaluating(self._model):
                    self._model(
                        input_ids=torch.zeros(1, 1, dtype=torch.long, device=self.device),
                        use_cache=True,
                        **{self._takes_cache: cache},
                    )
            except LookupError:  # it looks for a state of another kind in the cache
                cache = DynamicCache()
            except (AttributeError, TypeError, ValueError) as error:
                cache, reason = DynamicCache(), str(error)
            layers: list[Any] = list(cache.layers)
            if layers and all(type(layer) is DynamicLayer and _plain(layer) for layer in layers):
                return [(layer.keys, layer.values) for layer in layers]
        raise UsageError(
            f"{type(self._model).__name__} cannot run in the local engine ({reason}); "
            "serve it with vLLM and use the openai agent"
        )

    def _gather(self, slots: Sequence[int], lengths: Sequence[int]) -> DynamicCache:
        """The first columns of each slot, left-padded to the longest."""
        cache = DynamicCache()
        width = max(lengths)
        if width:
            missing = width - torch.tensor(list(lengths), device=self.device)[:, None]
            columns = (torch.arange(width, device=self.device) - missing).clamp_(min=0)
            for layer, shape in enumerate(self._cache.shapes):
                index = self._cache.index(shape.heads, slots, columns)
                cache.update(*self._cache.read(layer, index), layer)
        return cache

    def _forward(
        self,
        cache: DynamicCache,
        slots: Sequence[int],
        ids: Sequence[Sequence[int]],
        starts: Sequence[int],
    ) -> torch.Tensor:
        """Run `[rows, length]` ids over `cache`, store the new columns, return the last logits."""
        past, new = max(starts), len(ids[0])
        begin = torch.tensor(list(starts), device=self.device)[:, None]
        positions = begin + torch.arange(new, device=self.device)
        mask = torch.arange(past + new, device=self.device) >= past - begin
        extra: dict[str, Any] = {"position_ids": positions} if self._takes_positions else {}
        with evaluating(self._model):
            output = self._model(
                input_ids=torch.tensor([list(row) for row in ids], device=self.device),
                attention_mask=mask.long(),
                use_cache=True,
                **{self._takes_cache: cache},
                **self._keeps_last,
                **extra,
            )
        for layer, shape in enumerate(self._cache.shapes):
            whole: Any = cache.layers[layer]
            index = self._cache.index(shape.heads, slots, positions)
            self._cache.write(layer, index, whole.keys[:, :, -new:], whole.values[:, :, -new:])
        logits: torch.Tensor = output.logits[:, -1]
        return logits


def _plain(layer: DynamicLayer) -> bool:
    """Test that a layer, after one token, holds `[1, heads, 1, head_dim]` keys and values."""
    if layer.keys is None or layer.values is None:
        return False
    return layer.keys.dim() == 4 and layer.keys.shape[2] == layer.values.shape[2] == 1


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Without dropout or checkpointing, leaving the learner's training flags as they were."""
    training = [m for m in model.modules() if m.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
