"""Process rewards that cannot be farmed: Clip and Delta (arXiv 2410.15115 §4)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, ImportString

from envgym.errors import UsageError
from envgym.trainers.advantages.credit import Floats, samples_of
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward

Judge = Callable[[Sample], Sequence[float]]


class ProcessReward(Reward):
    """Base of process rewards: reads step scores per turn, which subclasses shape."""

    charges: ClassVar[bool] = True
    coef: float = Field(1.0, description="Weight of the process reward beside the other rewards.")
    judge: ImportString[Judge] | None = Field(
        None,
        description="Import path of a function from a sample to one step score in [0, 1] per turn; "
        "null takes the environment's turn rewards.",
    )

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add the shaped score of every turn."""
        for sample in samples_of(groups):
            sample.add_reward_turns(
                self.name, (self.coef * self.shaped(self._scores(sample))).tolist()
            )

    @abstractmethod
    def shaped(self, scores: Floats) -> Floats:
        """Compute each turn's reward, [turns], from the step scores, [turns]."""

    def conflict(self, config: Any) -> str | None:
        """Report the environment's rewards beside it, where it reads the same turn rewards."""
        if self.judge is None and any(reward.name == "environment" for reward in config.rewards):
            return (
                "it is made of the environment's turn rewards, which reward 'environment' pays as "
                "they are: put 'score' in its place"
            )
        return None

    def _scores(self, sample: Sample) -> Floats:
        if self.judge is None:
            return np.array([turn.reward for turn in sample.trajectory.turns])
        scores = np.asarray(self.judge(sample), np.float64)
        if scores.shape != (len(sample.trajectory.turns),):
            raise UsageError(
                f"reward {self.name!r}: the judge gave {scores.size} numbers for "
                f"{len(sample.trajectory.turns)} turns: it must give one for each"
            )
        return scores


@register("process_clip")
class ProcessClip(ProcessReward):
    """r_k = min(p_k - η, 0): no step adds reward, a bad step costs.

    Trap: p - η alone rewards every further good step, so that an agent repeats trivial ones. Choose
    η such that most steps cost nothing. Use returns-to-go with γ = 1 (``turn_returns``); a division
    by a deviation undoes the bound.
    """

    eta: float = Field(0.9, description="Step score η from which a step costs nothing.")

    def shaped(self, scores: Floats) -> Floats:
        """Compute each turn's reward, [turns]."""
        return np.minimum(scores - self.eta, 0.0)


@register("process_delta")
class ProcessDelta(ProcessReward):
    """r_k = p_k - p_{k+1}; the last turn but one keeps its p, the last gets 0.

    The return-to-go of turn k telescopes to p_k, however many turns follow. Clipped first
    (``eta``), it is the paper's best.

    Trap: it holds for γ = 1 and for returns-to-go alone: the sum over an episode is the first
    turn's p, and a deviation scales p by how alike the others are. The outcome alone rewards the
    last turn.
    """

    eta: float | None = Field(
        None, description="Threshold η that clips p to min(p - η, 0) first; null does not clip."
    )

    def conflict(self, config: Any) -> str | None:
        """Report an advantage whose credit for a turn is not the turn's p."""
        if problem := super().conflict(config):
            return problem
        advantage = config.advantage
        if not advantage.returns_to_go:
            return (
                f"the returns-to-go of its rewards are the step scores, and {advantage.name!r} "
                "credits whole episodes or divides by a deviation: take advantage turn_returns"
            )
        if getattr(advantage, "gamma", 1.0) != 1.0:
            return (
                "its rewards telescope without a discount alone: set advantage.gamma to 1 "
                f"(it is {advantage.gamma:g})"
            )
        if getattr(advantage, "whiten", False):
            return "whitening divides the step scores by a deviation: set advantage.whiten to false"
        return None

    def shaped(self, scores: Floats) -> Floats:
        """Compute each turn's reward, [turns]."""
        if self.eta is not None:
            scores = np.minimum(scores - self.eta, 0.0)
        kept = np.append(scores[:-1], 0.0)
        return kept - np.append(kept[1:], 0.0)
