"""Policy in training: log-probs of action tokens, and one optimiser step on a batch.

Rows are packed into micro-batches. The policy computes logits for action tokens alone, in pieces,
so that memory never holds [B, T, V].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.errors import EnvgymError
from envgym.trainers.learner.hidden_states import action_states, micro_batches
from envgym.trainers.learner.logprobs import log_probs
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.losses import Loss, LossInputs

ValueTerm = Callable[[Tensor, Sequence[TrainRow]], Tensor]
"""Function from states [N, H] and their rows to a value loss: the critic's, where it is a head."""


class TrainingError(EnvgymError):
    """Error that ends a training run; the last good checkpoint is intact."""


def action_logps(model: PreTrainedModel, batch: Sequence[TrainRow], temperature: float) -> Tensor:
    """Log-probs of all action tokens of rows, row after row, float32 [N]."""
    hidden, targets = action_states(model, batch)
    return log_probs(model.get_output_embeddings(), hidden, targets, temperature)[0]


class Policy:
    """Model in training with its optimiser.

    Args:
        micro_tokens: Maximum number of tokens per forward pass.
        packing: Whether rows run without padding, where the model supports it.
        temperature: Sampling temperature; the learner must divide the logits by it too.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        lr: float,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.95),
        grad_clip: float = 1.0,
        micro_tokens: int = 16384,
        temperature: float = 1.0,
        packing: bool = True,
    ) -> None:
        self.model = model
        self.lr = lr
        self.grad_clip = grad_clip
        self.micro_tokens = micro_tokens
        self.temperature = temperature
        self.packing = packing
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=lr, betas=betas, weight_decay=weight_decay
        )

    def update(
        self,
        rows: Sequence[TrainRow],
        losses: Sequence[Loss],
        reference: PreTrainedModel | None = None,
        lr_scale: float = 1.0,
        value: ValueTerm | None = None,
    ) -> dict[str, float]:
        """Run one optimiser step on the weighted sum of the losses over `rows`.

        Args:
            value: Further loss term, on the states that predict the action tokens.

        Returns:
            Token means of the losses' metrics and of the ``entropy``, ``loss`` and ``grad_norm``.

        Raises:
            TrainingError: The loss or the gradient is not finite; the weights are unchanged.
        """
        self.model.eval()  # under dropout its log-probs would not be the sampler's
        self.optimizer.zero_grad()
        sums: dict[str, float] = {}
        tokens = 0
        whole = any(loss.whole_samples for loss in losses)
        for part in micro_batches(self.model, rows, self.micro_tokens, self.packing, whole):
            hidden, targets = action_states(self.model, part)
            inputs, weight, entropy = self._inputs(part, hidden, targets, reference)
            sums["entropy"] = sums.get("entropy", 0.0) + entropy
            total = torch.zeros(())
            for loss in losses:
                values, metrics = loss(inputs)
                total = total + loss.coef * (values * weight).sum()
                for name, metric in metrics.items():
                    sums[name] = sums.get(name, 0.0) + metric.detach().sum().item()
            if value is not None:
                total = total + value(hidden, part)
            if not math.isfinite(total.item()):
                raise TrainingError(
                    "the loss is not finite: look at the rewards, lower the learning rate"
                )
            total.backward()
            sums["loss"] = sums.get("loss", 0.0) + total.item()
            tokens += len(weight)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.grad_clip)
        if not torch.isfinite(norm):
            self.optimizer.zero_grad()
            raise TrainingError("the gradient is not finite: lower the learning rate")
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * lr_scale
        self.optimizer.step()
        loss_value = sums.pop("loss")
        means = {name: value / max(tokens, 1) for name, value in sums.items()}
        return {"loss": loss_value, "grad_norm": norm.item(), **means}

    def state(self) -> dict[str, Any]:
        """State of the optimiser."""
        return self.optimizer.state_dict()

    def _inputs(
        self,
        part: Sequence[TrainRow],
        hidden: Tensor,
        targets: Tensor,
        reference: PreTrainedModel | None,
    ) -> tuple[LossInputs, Tensor, float]:
        """Inputs of the losses, weights of the tokens, and the sum of their entropies."""
        head = self.model.get_output_embeddings()
        logp, entropy = log_probs(head, hidden, targets, self.temperature)
        ref_logp = None
        if reference is not None:
            with torch.no_grad():
                ref_logp = action_logps(reference, part, self.temperature)
        device = logp.device
        old = _flat([torch.from_numpy(r.row.logprobs[r.row.mask]) for r in part], device)
        prox = _flat([torch.from_numpy(r.prox_logp[r.row.mask]) for r in part], device)
        inputs = LossInputs(
            logp=logp,
            old_logp=torch.where(old.isnan(), logp.detach(), old),
            prox_logp=torch.where(prox.isnan(), logp.detach(), prox),
            ref_logp=ref_logp,
            advantage=_flat([torch.from_numpy(r.advantage[r.row.mask]) for r in part], device),
            sample=torch.repeat_interleave(
                torch.tensor([r.sample for r in part]),
                torch.tensor([int(r.row.mask.sum()) for r in part]),
            ).to(device),
        )
        weight = _flat([torch.from_numpy(r.weight[r.row.mask]) for r in part], device)
        return inputs, weight, entropy.sum().item()


def _flat(parts: list[Tensor], device: torch.device) -> Tensor:
    return torch.cat(parts).to(device)
