"""What policies say of tokens that were already sampled, before a step's first update.

Some plug-ins compare with the policy as it is now, others with a frozen reference, or ask how sharp
its distributions are: a forward pass each, only where a recipe asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from envgym.trainers.batch import Sample, TrainRow, train_rows
from envgym.trainers.config import Config
from envgym.trainers.policy import Policy, _action_logits, action_logps, micro_batches

Parts = list[NDArray[np.float32]]


def recall(
    config: Config,
    policy: Policy,
    reference: PreTrainedModel | None,
    samples: Sequence[Sample],
) -> None:
    """Set `Sample.reference` and `Sample.norms` where the recipe's plug-ins ask for them."""
    if reference is not None and any(reward.needs_reference for reward in config.rewards):
        logps = _recall(
            policy, samples, lambda rows: action_logps(reference, rows, policy.temperature)
        )
        for sample, parts in zip(samples, logps, strict=True):
            sample.reference = parts
    if config.advantage.needs_norms:
        norms = _recall(policy, samples, lambda rows: score_norms(policy, rows))
        for sample, parts in zip(samples, norms, strict=True):
            sample.norms = parts


def recall_proximal(config: Config, policy: Policy, samples: Sequence[Sample]) -> None:
    """Set `Sample.proximal`, once for each sample, where a loss of the recipe asks for it."""
    if any(loss.needs_proximal for loss in config.losses):
        once = list({id(sample): sample for sample in samples}.values())
        logps = _recall(
            policy, once, lambda rows: action_logps(policy.model, rows, policy.temperature)
        )
        for sample, parts in zip(once, logps, strict=True):
            sample.proximal = parts


def score_norms(policy: Policy, rows: Sequence[TrainRow]) -> Tensor:
    """1 - 2π + Σπ² of each action token, float32 [N]: |∇ log π|² by the logits."""
    logits, targets = _action_logits(policy.model, rows, policy.temperature)
    total = logits.logsumexp(-1)
    chosen = (logits.gather(1, targets.unsqueeze(1)).squeeze(1) - total).exp()
    return 1 - 2 * chosen + ((2 * logits).logsumexp(-1) - 2 * total).exp()


def _recall(
    policy: Policy, samples: Sequence[Sample], ask: Callable[[Sequence[TrainRow]], Tensor]
) -> list[Parts]:
    """What `ask` says of each sample's action tokens, one array a turn, in the target context."""
    kept: list[Parts] = [[np.zeros(0, np.float32) for _ in s.trajectory.turns] for s in samples]
    policy.model.eval()
    with torch.no_grad():
        for rows in micro_batches(train_rows(samples, [1.0] * len(samples)), policy.micro_tokens):
            told = ask(rows).float().cpu().numpy()
            for item in rows:
                turns = item.row.turn[item.row.mask]
                own, told = told[: len(turns)], told[len(turns) :]
                for turn in np.unique(turns):
                    kept[item.sample][turn] = own[turns == turn]
    return kept
