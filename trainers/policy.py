"""The policy being trained: log-probs of action tokens, and one optimiser step on a batch.

Rows are padded into micro-batches of similar length. Logits are computed for action tokens alone:
context needs none, and [B, T, V] never exists whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.errors import EnvgymError
from envgym.trainers.batch import TrainRow, sample_batches
from envgym.trainers.losses import Loss, LossInputs
from envgym.trainers.shared_prefix import hidden_states


class TrainingError(EnvgymError):
    """Training cannot go on; the last good checkpoint is intact."""


def action_logps(model: PreTrainedModel, batch: Sequence[TrainRow], temperature: float) -> Tensor:
    """Log-probs of all action tokens of some rows, row after row, float32 [N]."""
    logits, targets = _action_logits(model, batch, temperature)
    return _logps(logits, targets)


def _action_logits(
    model: PreTrainedModel, batch: Sequence[TrainRow], temperature: float
) -> tuple[Tensor, Tensor]:
    """Logits [N, V] of all action tokens, and their ids [N].

    Rows are padded on the right; under causal attention that changes nothing before it.
    """
    device = next(model.parameters()).device
    width = max(len(r.row) for r in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    action = torch.zeros(len(batch), width, dtype=torch.bool)
    for i, item in enumerate(batch):
        ids[i, : len(item.row)] = torch.from_numpy(item.row.ids)
        action[i, : len(item.row)] = torch.from_numpy(item.row.mask)
    ids, action = ids.to(device), action.to(device)
    hidden, skipped = hidden_states(model, ids, action)
    logits = model.get_output_embeddings()(hidden[:, :-1][action[:, skipped + 1 :]]).float()
    if temperature != 1.0:
        logits = logits / temperature
    return logits, ids[:, 1:][action[:, 1:]]


def _logps(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.gather(1, targets.unsqueeze(1)).squeeze(1) - logits.logsumexp(-1)


def entropies(logits: Tensor, rows: int = 128) -> Tensor:
    """Entropy of each next-token distribution in nats, float32 [N], without gradient.

    Args:
        logits: [N, V]; taken `rows` at a time, so that no second [N, V] is held.
    """
    found: list[Tensor] = []
    with torch.no_grad():
        for part in logits.split(rows):
            below = part - part.amax(-1, keepdim=True)
            weight = below.exp()
            total = weight.sum(-1)
            found.append(total.log() - torch.linalg.vecdot(weight, below) / total)
    return torch.cat(found)


class Policy:
    """A model and its optimiser.

    Args:
        micro_tokens: Padded tokens of one forward pass.
        temperature: What the sampler divides logits by; the learner must do the same.
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
    ) -> None:
        self.model = model
        self.lr = lr
        self.grad_clip = grad_clip
        self.micro_tokens = micro_tokens
        self.temperature = temperature
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=lr, betas=betas, weight_decay=weight_decay
        )

    def update(
        self,
        rows: Sequence[TrainRow],
        losses: Sequence[Loss],
        reference: PreTrainedModel | None = None,
        lr_scale: float = 1.0,
    ) -> dict[str, float]:
        """One optimiser step on the weighted sum of the losses over `rows`.

        Returns:
            Token means of the losses' metrics and of the ``entropy``, ``loss`` and ``grad_norm``.

        Raises:
            TrainingError: The loss or the gradient is not finite; the weights are unchanged.
        """
        self.model.eval()  # under dropout its log-probs would not be the sampler's
        self.optimizer.zero_grad()
        sums: dict[str, float] = {}
        tokens = 0
        cut = sample_batches if any(loss.whole_samples for loss in losses) else micro_batches
        for part in cut(rows, self.micro_tokens):
            inputs, weight, entropy = self._inputs(part, reference)
            sums["entropy"] = sums.get("entropy", 0.0) + entropy
            total = torch.zeros(())
            for loss in losses:
                values, metrics = loss(inputs)
                total = total + loss.coef * (values * weight).sum()
                for name, metric in metrics.items():
                    sums[name] = sums.get(name, 0.0) + metric.detach().sum().item()
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
        """The optimiser's state."""
        return self.optimizer.state_dict()

    def _inputs(
        self, part: Sequence[TrainRow], reference: PreTrainedModel | None
    ) -> tuple[LossInputs, Tensor, float]:
        """What the losses take, the tokens' weights, and the sum of their entropies."""
        logits, targets = _action_logits(self.model, part, self.temperature)
        logp = _logps(logits, targets)
        ref_logp = None
        if reference is not None:
            with torch.no_grad():
                ref_logp = action_logps(reference, part, self.temperature)
        device = logp.device
        old = _flat([torch.from_numpy(r.row.logprobs[r.row.mask]) for r in part], device)
        prox = _flat([torch.from_numpy(r.proximal[r.row.mask]) for r in part], device)
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
        return inputs, weight, entropies(logits).sum().item()


def micro_batches(rows: Sequence[TrainRow], tokens: int) -> Iterator[list[TrainRow]]:
    """Rows sorted by length and cut so that a padded micro-batch has at most `tokens` tokens."""
    part: list[TrainRow] = []
    for item in sorted(rows, key=lambda r: len(r.row)):
        if part and (len(part) + 1) * len(item.row) > tokens:
            yield part
            part = []
        part.append(item)
    if part:
        yield part


def _flat(parts: list[Tensor], device: torch.device) -> Tensor:
    return torch.cat(parts).to(device)
