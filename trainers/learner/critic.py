"""Critic: values of the states before action tokens, learnt from returns.

It is a head on the policy's own states, or a separate model that begins as a copy of the policy.
The advantage plug-in reads the values and sets the returns that the critic learns, so the value
loss knows no method of credit. A token without a target (NaN) carries no gradient, so a method may
supervise one token per turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from envgym.trainers.collection.samples import Sample
from envgym.trainers.config_sections import CriticSection, HeadCritic
from envgym.trainers.learner.model.language_model import LanguageModel, states_of
from envgym.trainers.learner.model.master_weights import MasterWeights
from envgym.trainers.learner.policy import TrainingError
from envgym.trainers.learner.rows import TrainRow


def value_loss(
    value: Tensor, old: Tensor, target: Tensor, clip: float | None
) -> tuple[Tensor, Tensor]:
    """max((V - R)², (V_old + clip(V - V_old, ±c) - R)²) / 2 (PPO's code, openai/baselines; verl).

    Args:
        value: Values under the current weights, [N]; they carry gradient.
        old: Values before the step's updates, [N].
        target: Returns, [N].
        clip: The distance c, in units of the return; None for the plain square.

    Returns:
        Loss per token [N], and whether the clip is active [N]: then the token carries no gradient.

    Trap: c is in units of the return. Where returns are far from 1, it stops the critic or has
    no effect.
    """
    plain = (value - target).square()
    if clip is None:
        return plain / 2, torch.zeros_like(plain, dtype=torch.bool)
    bounded = (old + (value - old).clamp(-clip, clip) - target).square()
    return torch.maximum(plain, bounded) / 2, bounded > plain


class Critic:
    """Value function with an optimiser of its own.

    Args:
        policy: The policy's model.
        settings: Kind of critic, its learning rate and clip.
        grad_clip: Maximum norm of the gradient.

    Attributes:
        shares: Whether the critic is a head on the policy's own states.
        module: The critic's own weights.
    """

    def __init__(
        self,
        policy: LanguageModel,
        settings: CriticSection,
        *,
        grad_clip: float = 1.0,
    ) -> None:
        self.settings = settings
        self.shares = isinstance(settings, HeadCritic)
        self.lm = policy if self.shares else policy.copy()
        width = policy.model.get_output_embeddings().weight.shape[1]
        self.head = nn.Linear(width, 1, device=policy.model.device)
        nn.init.zeros_(self.head.weight)  # worth nothing until taught: advantages begin as returns
        nn.init.zeros_(self.head.bias)
        own = {"head": self.head} | ({} if self.shares else {"body": self.lm.model.base_model})
        self.module = nn.ModuleDict(own)
        self.masters = MasterWeights(self.module.parameters())
        self.grad_clip = grad_clip
        self.optimizer = torch.optim.AdamW(
            self.masters.parameters, lr=settings.lr, betas=(0.9, 0.95), weight_decay=0.0
        )
        self._targets = 0
        self._sums: dict[str, float] = {}

    def reset_from_policy(self, policy: LanguageModel) -> None:
        """Copy the policy's current weights into a separate critic model."""
        if not self.shares:
            self.lm.model.load_state_dict(policy.model.state_dict())

    def state(self) -> dict[str, Any]:
        """State of the optimiser, and the float32 weights."""
        return {"optimizer": self.optimizer.state_dict(), "masters": self.masters.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore both from `state`."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.masters.load(state["masters"])

    def values(self, rows: Sequence[TrainRow]) -> Tensor:
        """Values of the states before the action tokens of rows, row after row, float32 [N]."""
        self.lm.eval()
        return self._values(self.lm(rows, states_of))

    def update(self, rows: Sequence[TrainRow], lr_scale: float = 1.0) -> dict[str, float]:
        """Run one optimiser step of the critic alone; return its metrics, none without a target.

        Raises:
            TrainingError: The loss or the gradient is not finite; the weights are unchanged.
        """
        self.lm.eval()
        if not self.start(rows):
            return {}
        for part in self.lm.micro_batches(rows):
            with torch.set_grad_enabled(not self.shares):
                hidden = self.lm(part, states_of)
            loss = self.term(hidden, part)
            if not math.isfinite(loss.item()):
                raise TrainingError(
                    "the critic's loss is not finite: look at the rewards, lower critic.lr"
                )
            loss.backward()
        return self.step(lr_scale)

    def start(self, rows: Sequence[TrainRow]) -> bool:
        """Begin a step whose loss is the mean over the targets of `rows`; return if any exist."""
        self._targets = sum(int((~np.isnan(r.column("returns")[r.row.mask])).sum()) for r in rows)
        self._sums = {}
        self.masters.read()
        self.optimizer.zero_grad()
        return self._targets > 0

    def term(self, hidden: Tensor, part: Sequence[TrainRow]) -> Tensor:
        """Value loss of one micro-batch, as its share of the step's mean.

        Args:
            hidden: The states before the action tokens of `part`, [N, H]. A head passes
                ``critic.coef`` of its gradient on to them, and all of it to its own weights.
        """
        if isinstance(self.settings, HeadCritic):
            hidden = _passing(hidden, self.settings.coef)
        value = self._values(hidden)
        old, target = (
            torch.from_numpy(np.concatenate(arrays)).to(value.device)
            for arrays in (
                [r.column("value")[r.row.mask] for r in part],
                [r.column("returns")[r.row.mask] for r in part],
            )
        )
        known = ~target.isnan()
        value, old, target = value[known], old[known], target[known]
        loss, held = value_loss(value, old, target, self.settings.clip)
        for name, metric in {"value_loss": loss, "value_clipfrac": held}.items():
            self._sums[name] = self._sums.get(name, 0.0) + metric.detach().sum().item()
        return loss.sum() / self._targets

    def step(self, lr_scale: float = 1.0) -> dict[str, float]:
        """Update the critic's own weights; return its metrics, means over targets."""
        norm = nn.utils.clip_grad_norm_(self.masters.parameters, self.grad_clip)
        if not torch.isfinite(norm):
            self.optimizer.zero_grad()
            raise TrainingError("the critic's gradient is not finite: lower critic.lr")
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.lr * lr_scale
        self.optimizer.step()
        self.masters.write()
        means = {name: value / self._targets for name, value in self._sums.items()}
        return {**means, "value_grad_norm": norm.item()}

    def _values(self, hidden: Tensor) -> Tensor:
        return self.head(hidden.to(self.head.weight.dtype)).squeeze(-1)


def explained_variance(samples: Sequence[Sample]) -> float:
    """Explained variance 1 - Var(R - V) / Var(R) over tokens with a target; 1 is perfect."""
    credited = [sample for sample in samples if sample.value and sample.returns]
    if not credited:
        return 0.0
    value = np.concatenate([v for s in credited for v in s.value or ()]).astype(np.float64)
    target = np.concatenate([r for s in credited for r in s.returns]).astype(np.float64)
    known = ~np.isnan(target)
    spread = target[known].var() if known.any() else 0.0
    return float(1 - (target - value)[known].var() / spread) if spread else 0.0


def _passing(hidden: Tensor, share: float) -> Tensor:
    """The same states, which pass on a share of the gradient."""
    if not share or not hidden.requires_grad:
        return hidden.detach()
    through = hidden.view_as(hidden)
    through.register_hook(lambda gradient: gradient * share)
    return through
