"""Tabular softmax policy: one logit per state and action, trained by the trainer's losses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from envgym.trainers.collection.samples import Sample
from envgym.trainers.config_sections import Learner
from envgym.trainers.losses import Loss, LossInputs

CLIP_RANGE = 0.2
"""PPO's clip range, which `outside_clip` counts by."""


class TablePolicy:
    """Softmax table with its optimiser, AdamW as the trainer's.

    The token of an action is ``state * actions + action``.

    Args:
        logits: Starting logits, which also make the frozen reference; they are copied.
    """

    def __init__(self, logits: Float[Tensor, "states actions"], learner: Learner) -> None:
        self.logits = logits.clone().requires_grad_()
        self.reference = torch.log_softmax(self.logits.detach(), -1).flatten()
        self.learner = learner
        self.updates = 0
        self.optimizer = torch.optim.AdamW(
            [self.logits],
            lr=learner.lr,
            betas=learner.betas,
            eps=learner.eps,
            weight_decay=learner.weight_decay,
        )

    def log_probs(self) -> Float[np.ndarray, "states actions"]:
        """Log-probabilities of all actions, float64."""
        found: np.ndarray = torch.log_softmax(self.logits.detach().double(), -1).numpy()
        return found

    def update(
        self,
        batch: Sequence[Sample],
        losses: Sequence[Loss],
        weights: Sequence[Sequence[float]],
        prox: Float[Tensor, " tokens"],
        step: int,
    ) -> float | None:
        """Run one optimiser step.

        Args:
            weights: Weight of each sample's tokens under each loss: one list per loss, one number
                per sample.
            prox: Log-probs of all tokens of the table just before the step's first update.
            step: Index of the step, for the learning rate's schedule.

        Returns:
            Share of the batch's tokens whose ratio to the policy that sampled them is outside PPO's
            clip range before the update; None, without an update, where no token has a gradient.
        """
        inputs = self._inputs(batch, prox)
        if not inputs.advantage.any():
            return None
        counts = torch.tensor([sample.tokens for sample in batch])
        total = torch.zeros(())
        for loss, each in zip(losses, weights, strict=True):
            values, _ = loss(inputs)
            weight = torch.tensor(each, dtype=torch.float32).repeat_interleave(counts)
            total = total + loss.coef * (values * weight).sum()
        self.optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_([self.logits], self.learner.grad_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learner.lr * self.learner.lr_scale(step, self.updates)
        self.optimizer.step()
        self.updates += 1
        ratio = (inputs.logp.detach() - inputs.old_logp).exp()
        return ((ratio - 1).abs() > CLIP_RANGE).float().mean().item()

    def _inputs(self, batch: Sequence[Sample], prox: Float[Tensor, " tokens"]) -> LossInputs:
        turns = [(i, turn) for i, sample in enumerate(batch) for turn in sample.trajectory.turns]
        ids = torch.tensor([turn.action[0] for _, turn in turns])
        return LossInputs(
            logp=torch.log_softmax(self.logits, -1).flatten()[ids],
            old_logp=torch.tensor([turn.logprobs[0] for _, turn in turns]),
            ref_logp=self.reference[ids],
            advantage=torch.tensor([float(a[0]) for s in batch for a in s.advantages]),
            sample=torch.tensor([i for i, _ in turns]),
            prox_logp=prox[ids],
            guided=torch.zeros(len(turns), dtype=torch.bool),
        )
