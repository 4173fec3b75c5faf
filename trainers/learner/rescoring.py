"""Re-score sampled tokens under the current and the reference policy, once per step.

Some plug-ins compare with the current policy, others with a frozen reference, and some need the
norms of the scores: each costs a forward pass, and runs only where a recipe needs it.
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


def rescore(
    config: Config,
    policy: Policy,
    reference: PreTrainedModel | None,
    samples: Sequence[Sample],
) -> None:
    """Set `Sample.ref_logp` and `Sample.norms` where the recipe's plug-ins need them."""
    if reference is not None and any(reward.needs_reference for reward in config.rewards):
        logps = _rescore(
            policy,
            samples,
            lambda rows: action_logps(reference, rows, policy.temperature),
        )
        for sample, parts in zip(samples, logps, strict=True):
            sample.ref_logp = parts
    if config.advantage.needs_norms:
        norms = _rescore(policy, samples, lambda rows: score_norms(policy, rows))
        for sample, parts in zip(samples, norms, strict=True):
            sample.norms = parts


def rescore_proximal(config: Config, policy: Policy, samples: Sequence[Sample]) -> None:
    """Set `Sample.prox_logp`, once per sample, where a loss of the recipe needs it."""
    if any(loss.needs_proximal for loss in config.losses):
        once = list({id(sample): sample for sample in samples}.values())
        logps = _rescore(
            policy,
            once,
            lambda rows: action_logps(policy.model, rows, policy.temperature),
        )
        for sample, parts in zip(once, logps, strict=True):
            sample.prox_logp = parts


def score_norms(policy: Policy, rows: Sequence[TrainRow]) -> Tensor:
    """Squared score norm 1 - 2π + Σπ² per action token, float32 [N]: |∇ log π|² by the logits."""
    hidden, targets = action_states(policy.model, rows)
    head = policy.model.get_output_embeddings()
    found = []
    for chosen, logits in pieces(head, hidden, targets, policy.temperature):
        total = logits.logsumexp(-1)
        chance = (logits.gather(1, chosen.unsqueeze(1)).squeeze(1) - total).exp()
        found.append(1 - 2 * chance + ((2 * logits).logsumexp(-1) - 2 * total).exp())
    return torch.cat(found)


def _rescore(
    policy: Policy, samples: Sequence[Sample], ask: Callable[[Sequence[TrainRow]], Tensor]
) -> list[Parts]:
    policy.model.eval()
    return by_turn(policy.model, samples, ask, policy.micro_tokens, policy.packing)
