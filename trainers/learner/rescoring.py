"""Token data: score sampled tokens under the current policy, the reference and the critic.

A plug-in names the data that it `needs`. Each costs a forward pass, and runs only where a recipe
needs it. New data is one function under `token_data`, also outside this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.errors import UsageError, suggest
from envgym.trainers.collection.samples import Parts, Sample
from envgym.trainers.learner.critic import Critic
from envgym.trainers.learner.hidden_states import action_states, by_turn
from envgym.trainers.learner.logprobs import pieces
from envgym.trainers.learner.output_head import output_head
from envgym.trainers.learner.policy import Policy, action_logps
from envgym.trainers.learner.rows import TrainRow


@dataclass
class Scorer:
    """Models that score tokens.

    Attributes:
        policy: The policy in training.
        reference: Its frozen copy from the run's start; None where no plug-in needs one.
        critic: Value function; None where the recipe has none.
    """

    policy: Policy
    reference: PreTrainedModel | None = None
    critic: Critic | None = None

    def add(self, names: Iterable[str], samples: Sequence[Sample]) -> None:
        """Compute token data that samples lack; what follows the policy's weights, anew.

        Args:
            names: Names of the data, as plug-ins list them in `needs`.

        Raises:
            UsageError: A name is unknown.
        """
        once = list({id(sample): sample for sample in samples}.values())
        for name in sorted(names):
            frozen = name in TOKEN_DATA and TOKEN_DATA[name].frozen
            missing = [s for s in once if not (frozen and name in s.token_data)]
            for sample, parts in zip(missing, self.score(name, missing), strict=True):
                sample.token_data[name] = parts

    def score(self, name: str, samples: Sequence[Sample]) -> list[Parts]:
        """Compute token data of samples by name, in the context that the data is defined in.

        Returns:
            For each sample one float32 array per turn, [tokens of the action] or [tokens of the
            action, numbers].

        Raises:
            UsageError: The name is unknown.
        """
        if name not in TOKEN_DATA:
            raise UsageError(f"no token data {name!r}.{suggest(name, TOKEN_DATA)}")
        data = TOKEN_DATA[name]
        self.policy.model.eval()
        return by_turn(
            self.policy.model,
            samples,
            lambda rows: data.compute(self, rows),
            self.policy.micro_tokens,
            self.policy.packing,
            hinted=data.hinted,
        )


Compute = Callable[[Scorer, Sequence[TrainRow]], Tensor]
"""Function from the models and rows to the action tokens' numbers, row by row: [N] or [N, n]."""


@dataclass(frozen=True)
class _Data:
    compute: Compute
    frozen: bool
    hinted: bool


TOKEN_DATA: dict[str, _Data] = {}
"""Known token data by name."""

OF_REFERENCE = frozenset({"ref_logp", "ref_top"})
"""Token data that needs the frozen reference."""

TOP = 64
"""Number of a distribution's likeliest tokens whose logits are kept."""


def token_data(
    name: str, *, frozen: bool = False, hinted: bool = False
) -> Callable[[Compute], Compute]:
    """Function decorator: make token data known under `name`.

    Args:
        frozen: Whether it never changes for a sample, such as log-probs of a frozen model.
        hinted: Whether its context is the behaviour one, hints in view, and not the target one.
    """

    def add(compute: Compute) -> Compute:
        TOKEN_DATA[name] = _Data(compute, frozen, hinted)
        return compute

    return add


@token_data("prox_logp")
def proximal_logps(scorer: Scorer, rows: Sequence[TrainRow]) -> Tensor:
    """Log-probs under the policy as it is now, float32 [N]."""
    policy = scorer.policy
    return action_logps(policy.model, rows, policy.temperature)


@token_data("ref_logp", frozen=True)
def reference_logps(scorer: Scorer, rows: Sequence[TrainRow]) -> Tensor:
    """Log-probs under the reference, float32 [N]."""
    return action_logps(_reference(scorer, "ref_logp"), rows, scorer.policy.temperature)


def _reference(scorer: Scorer, name: str) -> PreTrainedModel:
    if scorer.reference is None:
        raise UsageError(f"{name} needs a reference policy: train through the loop")
    return scorer.reference


@token_data("value")
def values(scorer: Scorer, rows: Sequence[TrainRow]) -> Tensor:
    """The critic's values of the states before the tokens, float32 [N]."""
    if scorer.critic is None:
        raise UsageError("value needs a critic: give the recipe one (`critic: …`)")
    return scorer.critic.values(rows)


@token_data("norms")
def score_norms(scorer: Scorer, rows: Sequence[TrainRow]) -> Tensor:
    """Squared score norm 1 - 2π + Σπ² per action token, float32 [N]: |∇ log π|² by the logits."""
    policy = scorer.policy
    hidden, targets = action_states(policy.model, rows)
    head = output_head(policy.model)
    found = []
    for chosen, logits in pieces(head, hidden, targets, policy.temperature):
        total = logits.logsumexp(-1)
        chance = (logits.gather(1, chosen.unsqueeze(1)).squeeze(1) - total).exp()
        found.append(1 - 2 * chance + ((2 * logits).logsumexp(-1) - 2 * total).exp())
    return torch.cat(found)


@token_data("ref_top", frozen=True, hinted=True)
def reference_top(scorer: Scorer, rows: Sequence[TrainRow]) -> Tensor:
    """The reference's `TOP` likeliest tokens with hints in view: ids, then logits, [N, 2 TOP]."""
    return _top(scorer, _reference(scorer, "ref_top"), rows)


@token_data("policy_top", hinted=True)
def policy_top(scorer: Scorer, rows: Sequence[TrainRow]) -> Tensor:
    """Largest logits under the policy as it is now, as `reference_top`."""
    return _top(scorer, scorer.policy.model, rows)


def _top(scorer: Scorer, model: PreTrainedModel, rows: Sequence[TrainRow]) -> Tensor:
    """Ids, exact in float32 below 2^24, and logits at sampling temperature, float32."""
    hidden, targets = action_states(model, rows)
    found = []
    for _, logits in pieces(output_head(model), hidden, targets, scorer.policy.temperature):
        values, ids = logits.topk(min(TOP, logits.shape[-1]))
        found.append(torch.cat([ids.to(values.dtype), values], 1))
    return torch.cat(found)
