"""What policies say of tokens that were already sampled, before a step's first update.

Some plug-ins compare with the policy as it is now, others with a frozen reference, or ask how sharp
its distributions are: a forward pass each, only where a recipe asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.trainers.collection.samples import Sample
from envgym.trainers.config import Config
from envgym.trainers.learner.hidden_states import Parts, action_states, by_turn
from envgym.trainers.learner.logprobs import pieces
from envgym.trainers.learner.policy import Policy, action_logps
from envgym.trainers.learner.rows import TrainRow


def recall(
    config: Config,
    policy: Policy,
    reference: PreTrainedModel | None,
    samples: Sequence[Sample],
) -> None:
    """Set `Sample.reference` and `Sample.norms` where the recipe's plug-ins ask for them."""
    if reference is not None and any(reward.needs_reference for reward in config.rewards):
        logps = _recall(
            policy,
            samples,
            lambda rows: action_logps(reference, rows, policy.temperature, policy.packing),
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
            policy,
            once,
            lambda rows: action_logps(policy.model, rows, policy.temperature, policy.packing),
        )
        for sample, parts in zip(once, logps, strict=True):
            sample.proximal = parts


def score_norms(policy: Policy, rows: Sequence[TrainRow]) -> Tensor:
    """1 - 2π + Σπ² of each action token, float32 [N]: |∇ log π|² by the logits."""
    hidden, targets = action_states(policy.model, rows, policy.packing)
    head = policy.model.get_output_embeddings()
    found = []
    for chosen, logits in pieces(head, hidden, targets, policy.temperature):
        total = logits.logsumexp(-1)
        chance = (logits.gather(1, chosen.unsqueeze(1)).squeeze(1) - total).exp()
        found.append(1 - 2 * chance + ((2 * logits).logsumexp(-1) - 2 * total).exp())
    return torch.cat(found)


def _recall(
    policy: Policy, samples: Sequence[Sample], ask: Callable[[Sequence[TrainRow]], Tensor]
) -> list[Parts]:
    policy.model.eval()
    return by_turn(samples, ask, policy.micro_tokens, policy.packing)
