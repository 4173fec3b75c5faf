"""Inputs of losses: flat per-token tensors of a micro-batch's action tokens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from envgym.trainers.learner.logprobs import Head
from envgym.trainers.learner.rows import TrainRow


@dataclass
class LossInputs:
    """Action tokens of a micro-batch, flattened to one row per token.

    Attributes:
        logp: Log-probs under the policy being trained; carries gradient.
        old_logp: Log-probs under the behaviour policy, as recorded when it sampled the tokens.
        ref_logp: Log-probs under the frozen reference; None where no term needs them.
        advantage: Advantage of the token.
        sample: Index of the episode in the batch.
        prox_logp: Log-probs under the proximal policy, the one just before the step's first update;
            None where no term needs them.
        guided: Whether a hint, which only the sampler saw, came before the token.
        data: All token data that the losses need, by name, those above included: one number per
            token, or a row of them; NaN where a token has none.
        statistics: What the loss's `statistics` computed over the whole batch.
        pair: Index of the preference pair that the token's sample is a side of, -1 for none; None
            where no sample has one.
        side: 1 in a pair's chosen sample, -1 in its rejected one, else 0; None as `pair`.
        components: Parts of the sample's reward by name, for samples of pairs.
        states, head: Hidden states before the tokens, with gradient, and the function from these to
            logits, which have no temperature yet; None unless a loss `reads_states`.
        temperature: Sampling temperature.
    """

    logp: Float[Tensor, " tokens"]
    old_logp: Float[Tensor, " tokens"]
    ref_logp: Float[Tensor, " tokens"] | None
    advantage: Float[Tensor, " tokens"]
    sample: Int[Tensor, " tokens"]
    prox_logp: Float[Tensor, " tokens"] | None = None
    guided: Bool[Tensor, " tokens"] | None = None
    data: Mapping[str, Tensor] = field(default_factory=dict)
    statistics: Mapping[str, float] = field(default_factory=dict)
    pair: Int[Tensor, " tokens"] | None = None
    side: Float[Tensor, " tokens"] | None = None
    components: Mapping[str, Float[Tensor, " tokens"]] = field(default_factory=dict)
    states: Float[Tensor, "tokens hidden"] | None = None
    head: Head | None = None
    temperature: float = 1.0

    def where(self, chosen: Bool[Tensor, " tokens"]) -> LossInputs:
        """The inputs of the chosen tokens alone."""

        def of(value: Tensor | None) -> Any:
            return None if value is None else value[chosen]

        return replace(
            self,
            **{name: of(getattr(self, name)) for name in _PER_TOKEN},
            data={name: value[chosen] for name, value in self.data.items()},
            components={name: value[chosen] for name, value in self.components.items()},
        )


_PER_TOKEN = (
    *("logp", "old_logp", "ref_logp", "advantage", "sample", "prox_logp", "guided"),
    *("pair", "side", "states"),
)


def loss_inputs(rows: Sequence[TrainRow], logp: Tensor, needs: Iterable[str] = ()) -> LossInputs:
    """Inputs of losses for the action tokens of rows.

    Args:
        logp: Log-probs of the tokens, [N].
        needs: Names of the token data to give.
    """
    device = logp.device

    def flat(arrays: Iterable[np.ndarray[Any, Any]]) -> Tensor:
        return torch.from_numpy(np.concatenate(list(arrays))).to(device)

    def or_now(values: Tensor) -> Tensor:
        return torch.where(values.isnan(), logp.detach(), values)

    data = {name: flat(_columns(rows, name)) for name in needs}
    if "prox_logp" in data:
        data["prox_logp"] = or_now(data["prox_logp"])
    return LossInputs(
        logp=logp,
        old_logp=or_now(flat(r.row.logprobs[r.row.mask] for r in rows)),
        ref_logp=data.get("ref_logp"),
        advantage=flat(r.advantage[r.row.mask] for r in rows),
        sample=flat(np.full(int(r.row.mask.sum()), r.sample) for r in rows),
        prox_logp=data.get("prox_logp"),
        guided=flat(r.guided[r.row.mask] for r in rows),
        data=data,
        **_pairs(rows, device),
    )


def _columns(rows: Sequence[TrainRow], name: str) -> list[np.ndarray[Any, Any]]:
    """Token data of the action tokens, an array per row, all of one width."""
    found = [row.column(name)[row.row.mask] for row in rows]
    width = next((array.shape[1:] for array in found if array.ndim > 1), ())
    return [
        array if array.shape[1:] == width else np.full((len(array), *width), np.nan, np.float32)
        for array in found
    ]


_SIDES = {"chosen": 1.0, "rejected": -1.0}


def _pairs(rows: Sequence[TrainRow], device: torch.device) -> dict[str, Any]:
    """Fields of `LossInputs` about preference pairs; none where no sample has a pair."""
    if not any(row.source.pair for row in rows):
        return {}
    counts = torch.tensor([int(row.row.mask.sum()) for row in rows])

    def flat(values: Sequence[float]) -> Tensor:
        return torch.tensor(values).repeat_interleave(counts).to(device)

    index = {"": -1}
    for row in rows:
        index.setdefault(row.source.pair, len(index) - 1)
    names = sorted({name for row in rows for name in row.source.components})
    return {
        "pair": flat([index[row.source.pair] for row in rows]),
        "side": flat([_SIDES.get(row.source.role, 0.0) for row in rows]),
        "components": {
            name: flat([row.source.components.get(name, 0.0) for row in rows]) for name in names
        },
    }


def of_roles(rows: Sequence[TrainRow], roles: Collection[str]) -> Tensor:
    """Flag of the action tokens of rows whose sample has one of the roles, bool [N]."""
    counts = torch.tensor([int(r.row.mask.sum()) for r in rows])
    return torch.tensor([r.source.role in roles for r in rows]).repeat_interleave(counts)
