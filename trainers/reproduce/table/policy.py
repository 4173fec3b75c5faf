"""Tabular softmax policy: one logit per state and action, trained by the trainer's losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from envgym.messages import Kind
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
        hint_strength: Amount that a hint adds to the logit of its action.
    """

    def __init__(
        self,
        logits: Float[Tensor, "states actions"],
        learner: Learner,
        hint_strength: float = 0.0,
    ) -> None:
        self.hint_strength = hint_strength
        self.logits = logits.clone().requires_grad_()
        self.reference = torch.log_softmax(self.logits.detach(), -1).flatten()
        self.learner = learner
        self.updates = 0
        self.optimizer = self._adamw(learner.lr)
        self.own_optimizers: dict[str, torch.optim.AdamW] = {}

    def log_probs(self) -> Float[np.ndarray, "states actions"]:
        """Log-probabilities of all actions, float64."""
        found: np.ndarray = torch.log_softmax(self.logits.detach().double(), -1).numpy()
        return found

    def update(
        self,
        batch: Sequence[Sample],
        losses: Sequence[Loss],
        weights: Sequence[Sequence[float]],
        prox: Float[Tensor, "states actions"],
        step: int,
    ) -> float | None:
        """Run one optimiser step; losses with a learning rate of their own take a further one each.

        Args:
            weights: Weight of each sample's tokens under each loss: one list per loss, one number
                per sample.
            prox: Logits of the table just before the step's first update.
            step: Index of the step, for the learning rate's schedule.

        Returns:
            Share of the batch's tokens whose ratio to the policy that sampled them is outside PPO's
            clip range before the update; None, without an update, where no token has a gradient.
        """
        inputs = self._inputs(batch, prox)
        scale = self.learner.lr_scale(step, self.updates)
        terms = list(zip(losses, weights, strict=True))
        shared = [term for term in terms if term[0].lr is None]
        moved = self._step(batch, inputs, shared, self.optimizer, self.learner.lr * scale)
        for loss, each in terms:
            if loss.lr is not None:
                own = self.own_optimizers.setdefault(loss.name, self._adamw(loss.lr))
                now = self._inputs(batch, prox)
                moved |= self._step(batch, now, [(loss, each)], own, loss.lr * scale)
        if not moved:
            return None
        self.updates += 1
        ratio = (inputs.logp.detach() - inputs.old_logp).exp()
        return ((ratio - 1).abs() > CLIP_RANGE).float().mean().item()

    def _adamw(self, lr: float) -> torch.optim.AdamW:
        learner = self.learner
        return torch.optim.AdamW(
            [self.logits],
            lr=lr,
            betas=learner.betas,
            eps=learner.eps,
            weight_decay=learner.weight_decay,
        )

    def _step(
        self,
        batch: Sequence[Sample],
        inputs: LossInputs,
        terms: Sequence[tuple[Loss, Sequence[float]]],
        optimizer: torch.optim.Optimizer,
        lr: float,
    ) -> bool:
        """Run one step of an optimiser on its losses; return False, without, where none acts."""
        counts = torch.tensor([sample.tokens for sample in batch])
        total = torch.zeros(())
        for loss, each in terms:
            mine = torch.tensor([s.role in loss.roles for s in batch]).repeat_interleave(counts)
            asked = inputs.where(mine)
            assert asked.prox_logp is not None
            statistics = loss.batch_statistics(replace(asked, logp=asked.prox_logp))
            values, _ = loss(replace(inputs, statistics=statistics))
            weight = torch.tensor(each, dtype=torch.float32).repeat_interleave(counts)
            total = total + loss.coef * (values * weight).sum()
        if not total.requires_grad:
            return False
        optimizer.zero_grad()
        total.backward()
        assert self.logits.grad is not None
        follows = any(loss.improves for loss, _ in terms) and bool(inputs.advantage.any())
        if not (follows or self.logits.grad.any()):
            return False
        torch.nn.utils.clip_grad_norm_([self.logits], self.learner.grad_clip)
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
        return True

    def _inputs(self, batch: Sequence[Sample], prox: Float[Tensor, "states actions"]) -> LossInputs:
        turns = [(i, turn) for i, sample in enumerate(batch) for turn in sample.trajectory.turns]
        ids = torch.tensor([turn.action[0] for _, turn in turns])
        counts = torch.tensor([sample.tokens for sample in batch])
        logp = self._logps(self.logits, batch, ids)
        old = torch.tensor([turn.logprobs[0] if turn.logprobs else math.nan for _, turn in turns])
        return LossInputs(
            logp=logp,
            old_logp=torch.where(old.isnan(), logp.detach(), old),
            ref_logp=self.reference[ids],
            advantage=torch.tensor(
                [
                    float(a[0])
                    for s in batch
                    for a in s.advantages or [np.zeros(1, np.float32)] * s.tokens
                ]
            ),
            sample=torch.tensor([i for i, _ in turns]),
            prox_logp=self._logps(prox, batch, ids),
            guided=torch.tensor([bool(_told(s, "hint")) for s in batch]).repeat_interleave(counts),
        )

    def _logps(
        self,
        logits: Float[Tensor, "states actions"],
        batch: Sequence[Sample],
        ids: Int[Tensor, " tokens"],
    ) -> Float[Tensor, " tokens"]:
        """Log-probs of tokens, under the hints that the loss sees too."""
        plain = torch.log_softmax(logits, -1).flatten()[ids]
        shown = [_told(sample, "shown") for sample in batch]
        if not any(shown):
            return plain
        seen, first = [], 0
        for sample, tokens in zip(batch, shown, strict=True):
            own = slice(first, first := first + sample.tokens)
            if not tokens:
                seen.append(plain[own])
                continue
            pushed = torch.zeros_like(logits).flatten()
            strength = torch.full((len(tokens),), self.hint_strength)
            pushed.index_put_((torch.tensor(tokens),), strength, accumulate=True)
            moved = torch.log_softmax(logits + pushed.view_as(logits), -1)
            seen.append(moved.flatten()[ids[own]])
        return torch.cat(seen)


def _told(sample: Sample, kind: Kind) -> list[int]:
    """Tokens of the actions that an episode's hints of a kind tell."""
    spans = sample.trajectory.turns[0].context if sample.trajectory.turns else []
    return [token for span in spans if span.kind == kind for token in span.ids]
