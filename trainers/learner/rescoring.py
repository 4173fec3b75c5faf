"""Token data: score sampled tokens under the current policy, the reference and the critic.

A plug-in names the data that it `needs`. Each costs a forward pass, and runs only where a recipe
needs it. New data is one function under `token_data`, also outside this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from envgym.errors import UsageError, suggest
from envgym.trainers.collection.samples import Parts, Sample
from envgym.trainers.learner.critic import Critic
from envgym.trainers.learner.hidden_states import MicroBatch
from envgym.trainers.learner.logprobs import Head, States, Targets, log_probs, pieces
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.reference import Reference
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rows import TrainRow, train_rows


@dataclass
class Scorer:
    """Models that score tokens.

    Attributes:
        policy: The policy in training.
        reference: Its frozen weights from the run's start; None where no plug-in needs them.
        critic: Value function; None where the recipe has none.
    """

    policy: Policy
    reference: Reference | None = None
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
            self.policy.lm, samples, lambda rows: data.compute(self, rows), hinted=data.hinted
        )


def by_turn(
    lm: LanguageModel,
    samples: Sequence[Sample],
    ask: Callable[[MicroBatch], Tensor],
    *,
    hinted: bool = False,
) -> list[Parts]:
    """Evaluate `ask` on each action token of samples, in the target context, without gradient.

    Args:
        ask: Function from a micro-batch to one number per action token, [N], or several, [N, n].
        lm: Model that decides how the rows are cut into micro-batches.
        hinted: Whether to evaluate in the behaviour context, hints in view.

    Returns:
        For each sample one float32 array per turn.
    """
    kept = [[np.zeros(len(t.action), np.float32) for t in s.trajectory.turns] for s in samples]
    with torch.no_grad():
        rows = train_rows(samples, [1.0] * len(samples), hinted=hinted)
        for part in lm.micro_batches(rows):
            told = ask(part).float().cpu().numpy()
            for item in part:
                turns = item.row.turn[item.row.mask]
                own, told = told[: len(turns)], told[len(turns) :]
                for turn in np.unique(turns):  # an action lies in one row, whole
                    kept[item.sample][turn] = own[turns == turn]
    return kept


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
    return _logps(scorer.policy.lm, rows, scorer.policy.temperature)


@token_data("ref_logp", frozen=True)
def reference_logps(scorer: Scorer, rows: Sequence[TrainRow]) -> Tensor:
    """Log-probs under the reference, float32 [N]."""
    with _reference(scorer, "ref_logp").in_place() as lm:
        return _logps(lm, rows, scorer.policy.temperature)


def _logps(lm: LanguageModel, rows: Sequence[TrainRow], temperature: float) -> Tensor:
    def read(head: Head, states: States, targets: Targets) -> Tensor:
        return log_probs(head, states, targets, temperature)[0]

    return lm(rows, read)


def _reference(scorer: Scorer, name: str) -> Reference:
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
    temperature = scorer.policy.temperature

    def read(head: Head, states: States, targets: Targets) -> Tensor:
        found = []
        for chosen, logits in pieces(head, states, targets, temperature):
            total = logits.logsumexp(-1)
            chance = (logits.gather(1, chosen.unsqueeze(1)).squeeze(1) - total).exp()
            found.append(1 - 2 * chance + ((2 * logits).logsumexp(-1) - 2 * total).exp())
        return torch.cat(found)

    return scorer.policy.lm(rows, read)


@token_data("ref_top", frozen=True, hinted=True)
def reference_top(scorer: Scorer, rows: Sequence[TrainRow]) -> Tensor:
    """The reference's `TOP` likeliest tokens with hints in view: ids, then logits, [N, 2 TOP]."""
    with _reference(scorer, "ref_top").in_place() as lm:
        return _top(lm, rows, scorer.policy.temperature)


@token_data("policy_top", hinted=True)
def policy_top(scorer: Scorer, rows: Sequence[TrainRow]) -> Tensor:
    """Largest logits under the policy as it is now, as `reference_top`."""
    return _top(scorer.policy.lm, rows, scorer.policy.temperature)


def _top(lm: LanguageModel, rows: Sequence[TrainRow], temperature: float) -> Tensor:
    """Ids, exact in float32 below 2^24, and logits at sampling temperature, float32."""

    def read(head: Head, states: States, targets: Targets) -> Tensor:
        found = []
        for _, logits in pieces(head, states, targets, temperature):
            values, ids = logits.topk(min(TOP, logits.shape[-1]))
            found.append(torch.cat([ids.to(values.dtype), values], 1))
        return torch.cat(found)

    return lm(rows, read)
