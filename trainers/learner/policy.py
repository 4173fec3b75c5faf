"""Policy in training: log-probs of action tokens, and one optimiser step on a batch.

Rows are packed into micro-batches. The policy computes logits for action tokens alone, in pieces,
so that memory never holds [B, T, V].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.errors import EnvgymError
from envgym.trainers.learner.hidden_states import action_states
from envgym.trainers.learner.logprobs import Head, log_probs
from envgym.trainers.learner.mismatch import Mismatch
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.output_head import output_head
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.losses import Loss
from envgym.trainers.losses.inputs import loss_inputs, of_roles

ValueTerm = Callable[[Tensor, Sequence[TrainRow]], Tensor]
"""Function from states [N, H] and their rows to a value loss: the critic's, where it is a head."""


class TrainingError(EnvgymError):
    """Error that ends a training run; the last good checkpoint is intact."""


def action_logps(model: PreTrainedModel, batch: Sequence[TrainRow], temperature: float) -> Tensor:
    """Log-probs of all action tokens of rows, row after row, float32 [N]."""
    hidden, targets = action_states(model, batch)
    return log_probs(output_head(model), hidden, targets, temperature)[0]


class Policy:
    """Model in training with its optimiser.

    Args:
        model: The model; a causal LM is run with the defaults of `LanguageModel`.
        temperature: Sampling temperature; the learner must divide the logits by it too.

    Attributes:
        updates: Number of optimiser steps taken.
    """

    def __init__(
        self,
        model: LanguageModel | PreTrainedModel,
        *,
        lr: float,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        grad_clip: float = 1.0,
        temperature: float = 1.0,
    ) -> None:
        self.lm = model if isinstance(model, LanguageModel) else LanguageModel(model)
        self.lr = lr
        self.grad_clip = grad_clip
        self.temperature = temperature
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.updates = 0
        self.optimizer = self._adamw(lr)
        self.own_optimizers: dict[str, torch.optim.AdamW] = {}

    @property
    def model(self) -> PreTrainedModel:
        """The causal LM itself."""
        return self.lm.model

    def update(
        self,
        rows: Sequence[TrainRow],
        losses: Sequence[Loss],
        lr_scale: float = 1.0,
        value: ValueTerm | None = None,
        weights: Sequence[Sequence[float]] | None = None,
    ) -> dict[str, float]:
        """Run one optimiser step on the weighted sum of the losses over `rows`.

        A loss trains the samples of its roles alone. Losses with a learning rate of their own take
        a step of their own, after that of the others.

        Args:
            value: Further loss term, on the states that predict the action tokens.
            weights: Weight of each sample's tokens under each loss: one list per loss, one number
                per sample. None takes the rows' weights for all losses.

        Returns:
            Token means of the losses' metrics and of the ``entropy``, ``loss`` and ``grad_norm``.

        Raises:
            TrainingError: The loss or the gradient is not finite; the weights are unchanged.
        """
        self.model.eval()  # under dropout its log-probs would not be the sampler's
        apart: Sequence[Sequence[float] | None] = weights or [None] * len(losses)
        terms = list(zip(losses, apart, strict=True))
        shared = [term for term in terms if term[0].lr is None]
        found: dict[str, float] = {}
        if shared or value is not None:
            found = self._step(rows, shared, self.optimizer, self.lr * lr_scale, value)
        for loss, own in terms:
            if loss.lr is not None and any(r.source.role in loss.roles for r in rows):
                optimizer = self.own_optimizers.setdefault(loss.name, self._adamw(loss.lr))
                told = self._step(rows, [(loss, own)], optimizer, loss.lr * lr_scale)
                found |= {f"{loss.name}_{name}": number for name, number in told.items()}
        self.updates += 1
        return found

    def state(self) -> dict[str, Any]:
        """State of the optimisers, the float32 weights, and the number of updates."""
        own = {name: optimizer.state_dict() for name, optimizer in self.own_optimizers.items()}
        return {
            "shared": self.optimizer.state_dict(),
            "own": own,
            "updates": self.updates,
            "masters": self.lm.masters.state(),
        }

    def load(self, state: dict[str, Any], losses: Sequence[Loss]) -> None:
        """Restore the optimisers and the float32 weights from `state`."""
        if "shared" not in state:  # a checkpoint from before losses had optimisers of their own
            self.optimizer.load_state_dict(state)
            steps = [s["step"] for s in self.optimizer.state_dict()["state"].values()]
            self.updates = int(max(steps, default=0))
            return
        self.optimizer.load_state_dict(state["shared"])
        self.updates = state["updates"]
        self.lm.masters.load(state.get("masters", ()))
        for loss in losses:
            if loss.lr is not None and loss.name in state["own"]:
                optimizer = self.own_optimizers.setdefault(loss.name, self._adamw(loss.lr))
                optimizer.load_state_dict(state["own"][loss.name])

    def _adamw(self, lr: float) -> torch.optim.AdamW:
        return torch.optim.AdamW(
            self.lm.masters.parameters,
            lr=lr,
            betas=self.betas,
            eps=self.eps,
            weight_decay=self.weight_decay,
        )

    def _step(
        self,
        rows: Sequence[TrainRow],
        terms: Sequence[_Term],
        optimizer: torch.optim.Optimizer,
        lr: float,
        value: ValueTerm | None = None,
    ) -> dict[str, float]:
        """Run one step of an optimiser on its losses; return their metrics."""
        self.lm.masters.read()
        optimizer.zero_grad()
        sums: dict[str, float] = {}
        counts: dict[str, int] = {}

        def count(metrics: Mapping[str, Tensor]) -> None:
            for name, metric in metrics.items():
                sums[name] = sums.get(name, 0.0) + metric.detach().sum().item()
                counts[name] = counts.get(name, 0) + len(metric)

        total_loss, mismatch = 0.0, Mismatch()
        needs = frozenset[str]().union(*(loss.needs for loss, _ in terms))
        statistics = self._statistics(rows, terms, needs)
        whole = any(loss.whole_samples for loss, _ in terms)
        states = any(loss.reads_states for loss, _ in terms)
        for part in self.lm.micro_batches(rows, whole):
            hidden, logp, entropy = self.lm(part, self._read)
            count({"entropy": entropy})
            inputs, weight = loss_inputs(part, logp, needs), _weights(part).to(logp.device)
            if states:
                inputs = replace(
                    inputs,
                    states=hidden,
                    head=self.lm.head,
                    temperature=self.temperature,
                )
            mismatch.add(inputs)
            total = torch.zeros((), device=logp.device)
            for (loss, own), known in zip(terms, statistics, strict=True):
                used = of_roles(part, loss.roles).to(logp.device)
                if not used.any():
                    continue
                mine = inputs if used.all() else inputs.where(used)
                values, metrics = loss(replace(mine, statistics=known))
                each = weight[used] if own is None else _tensor(own, logp.device)[mine.sample]
                total = total + loss.coef * (values * each).sum()
                count(metrics)
            if value is not None:
                total = total + value(hidden, part)
            if not math.isfinite(total.item()):
                raise TrainingError(
                    "the loss is not finite: look at the rewards, lower the learning rate"
                )
            if total.requires_grad:
                total.backward()
            total_loss += total.item()
        norm = torch.nn.utils.clip_grad_norm_(self.lm.masters.parameters, self.grad_clip)
        if not torch.isfinite(norm):
            optimizer.zero_grad()
            raise TrainingError("the gradient is not finite: lower the learning rate")
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
        self.lm.masters.write()
        means = {name: value / max(counts[name], 1) for name, value in sums.items()}
        return {"loss": total_loss, "grad_norm": norm.item(), **means, **mismatch.metrics()}

    def _read(self, head: Head, states: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """States before the action tokens [N, H], the tokens' log-probs and entropies [N]."""
        return states, *log_probs(head, states, targets, self.temperature)

    def _statistics(
        self, rows: Sequence[TrainRow], terms: Sequence[_Term], needs: frozenset[str]
    ) -> list[dict[str, float]]:
        """Each loss's numbers over the whole batch."""
        found: list[dict[str, float]] = []
        for loss, _ in terms:
            mine = [row for row in rows if row.source.role in loss.roles]
            asks = type(loss).batch_statistics is not Loss.batch_statistics
            if not (asks and mine):
                found.append({})
                continue
            prox = torch.from_numpy(
                np.concatenate([r.column("prox_logp")[r.row.mask] for r in mine])
            )
            found.append(loss.batch_statistics(loss_inputs(mine, prox, needs)))
        return found


_Term = tuple[Loss, Sequence[float] | None]


def _weights(rows: Sequence[TrainRow]) -> Tensor:
    return torch.from_numpy(np.concatenate([r.weight[r.row.mask] for r in rows]))


def _tensor(weights: Sequence[float], device: torch.device) -> Tensor:
    return torch.tensor(weights, dtype=torch.float32, device=device)
