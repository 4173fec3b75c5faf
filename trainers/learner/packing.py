"""Packing: rows of a batch as one sequence, without padding, common prefixes only once.

Everything in a transformer but attention looks at one token alone, so the tokens of all rows can
run in one line, each with the position that it has in its own row. Attention is cut into segments:
a row, or, where several rows begin alike (the prompt of a group, the tool descriptions of all
episodes, a rewritten history), their common part and then the rest of each row. A
segment attends to those before it in its row, and causally to itself. The gradient flows back
into a common part from all rows that share it.

Importing this module registers the attention function ``envgym_packed`` with transformers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right
from transformers import AttentionInterface, DynamicCache, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from envgym.trainers.learner.shared_prefix import keeps_plainly

Ids = NDArray[np.int64]


@dataclass
class Layout:
    """Layout of rows in one sequence.

    Attributes:
        ids, positions: Each token's id, and its position in its row, int64 [N].
        places: For each row its tokens' indices in the sequence, int64 [T].
        sizes: Number of tokens per segment, in the order of the sequence.
        before: For each segment, the segments of its row that come before it.
        calls: Number of attention layers that have run on the layout.
    """

    ids: Ids
    positions: Ids
    places: list[Ids]
    sizes: list[int]
    before: list[tuple[int, ...]]
    calls: int = 0


def lay_out(rows: Sequence[Ids], token_pairs: float = 0.0) -> Layout:
    """Lay rows out as one sequence.

    Args:
        rows: Token ids, int64 [T] each.
        token_pairs: Cost of one token outside attention, in pairs of a query and a key. Sharing
            saves tokens, but segments after a shared part compute whole blocks of pairs, where a
            row of its own computes half of them. 0 compares pairs alone.
    """
    order = np.array(sorted(range(len(rows)), key=lambda i: (rows[i].astype(">i8").tobytes(), i)))
    common = np.array([_common(rows[i], rows[j]) for i, j in pairwise(order)], np.int64)
    builder = _Builder(rows, token_pairs)
    builder.add(order, common)
    return Layout(
        np.concatenate(builder.ids),
        np.concatenate(builder.positions),
        [np.concatenate(parts) for parts in builder.places],
        [len(part) for part in builder.ids],
        builder.before,
    )


_Part = tuple[Ids, Ids, int, tuple[int, ...]]


@dataclass
class _Builder:
    """Builder of a layout's segments, from rows in the order of their tokens."""

    rows: Sequence[Ids]
    token_pairs: float
    ids: list[Ids] = field(default_factory=list)
    positions: list[Ids] = field(default_factory=list)
    before: list[tuple[int, ...]] = field(default_factory=list)
    total: int = 0

    def __post_init__(self) -> None:
        self.places: list[list[Ids]] = [[] for _ in self.rows]

    def add(self, order: Ids, common: Ids) -> None:
        """Lay out the rows of `order`; `common` is the number of tokens that neighbours share."""
        lengths = np.array([len(row) for row in self.rows])
        left: list[_Part] = [(order, common, 0, ())]  # a long chain of rows is a deep tree
        while left:
            order, common, depth, before = left.pop()
            if len(order) == 1:
                self._segment(order, depth, lengths[order[0]], before)
                continue
            shared = int(common.min())
            if self._pays(lengths[order], depth, shared):
                before = self._segment(order, depth, shared, before)
                depth = shared
            ends = [*np.flatnonzero(common == shared) + 1, len(order)]
            parts = [
                (order[begin:end], common[begin : end - 1], depth, before)
                for begin, end in pairwise([0, *ends])
            ]
            left += reversed(parts)

    def _segment(
        self, order: Ids, first: int, last: int, before: tuple[int, ...]
    ) -> tuple[int, ...]:
        if first == last:  # a row that is the beginning of another one
            return before
        place = np.arange(self.total, self.total + last - first)
        for row in order:
            self.places[row].append(place)
        self.ids.append(self.rows[order[0]][first:last])
        self.positions.append(np.arange(first, last))
        self.before.append(before)
        self.total += last - first
        return (*before, len(self.ids) - 1)

    def _pays(self, lengths: Ids, depth: int, shared: int) -> bool:
        """Return whether computing columns `depth` to `shared` once for all rows costs less."""
        if shared == depth:
            return False
        apart = _pairs(lengths, depth).sum()
        together = _pairs(lengths, shared).sum() + _pairs(np.array([shared]), depth).sum()
        saved = (len(lengths) - 1) * (shared - depth) * self.token_pairs
        return bool(saved > together - apart)


def _pairs(lengths: Ids, before: int) -> NDArray[np.float64]:
    """Number of query-key pairs per row from column `before` on; whole blocks under a mask."""
    new = (lengths - before).astype(np.float64)
    return new * lengths if before else new * new / 2


def _common(one: Ids, two: Ids) -> int:
    width = min(len(one), len(two))
    differs = np.flatnonzero(one[:width] != two[:width])
    return int(differs[0]) if len(differs) else width


def token_pairs(model: PreTrainedModel) -> float:
    """Cost of a token outside attention, in query-key pairs.

    It counts 2 operations per weight, and 4 per pair and unit of width.
    """
    config: Any = model.config.get_text_config(decoder=True)
    weights = sum(p.numel() for p in model.base_model.parameters())
    weights -= sum(
        e.weight.numel() for e in model.base_model.modules() if isinstance(e, torch.nn.Embedding)
    )
    return weights / (2 * config.hidden_size * config.num_hidden_layers)


def packable(model: PreTrainedModel) -> bool:
    """Return whether every layer is plain attention through transformers' attention interface."""
    config: Any = model.config
    return (
        config._attn_implementation == "sdpa"
        and bool(model._can_set_attn_implementation())
        and keeps_plainly(model, DynamicCache(config=config))
    )


def packed_states(model: PreTrainedModel, layout: Layout) -> Tensor:
    """Last hidden states of a layout's tokens, [N, H].

    Raises:
        RuntimeError: The model's attention does not go through the interface in every layer.
    """
    device = next(model.parameters()).device
    ids = torch.from_numpy(layout.ids)[None].to(device)
    positions = torch.from_numpy(layout.positions)[None].to(device)
    layout.calls = 0
    with _packed_attention(model, layout):
        out = model.base_model(input_ids=ids, position_ids=positions, use_cache=False)
    if layout.calls != model.config.get_text_config(decoder=True).num_hidden_layers:
        raise RuntimeError(f"{type(model).__name__} cannot be packed: set learner.packing=false")
    return out.last_hidden_state[0]


_NAME = "envgym_packed"
_layout: ContextVar[Layout] = ContextVar("layout")


@contextmanager
def _packed_attention(model: PreTrainedModel, layout: Layout) -> Iterator[None]:
    """Route the model's attention through the layout."""
    usual: str = model.config._attn_implementation
    token = _layout.set(layout)
    model.set_attn_implementation(_NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(usual)
        _layout.reset(token)


def _attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention [1, N, heads, D] of a layout's tokens, segment by segment."""
    layout = _layout.get()
    layout.calls += 1
    queries, keys, values = (x.split(layout.sizes, 2) for x in (query, key, value))
    found = []
    for index, before in enumerate(layout.before):
        mask = None
        mine, what = keys[index], values[index]
        if before:
            mine = torch.cat([*(keys[i] for i in before), mine], 2)
            what = torch.cat([*(values[i] for i in before), what], 2)
            mask = causal_lower_right(layout.sizes[index], mine.shape[2])
        out, _ = sdpa_attention_forward(module, queries[index], mine, what, mask, **kwargs)
        found.append(out)
    return torch.cat(found, 1), None


AttentionInterface.register(_NAME, _attention)
