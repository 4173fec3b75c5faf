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
    """What rewards of turns share: where they come from. Subclasses say what becomes of them."""

    charges: ClassVar[bool] = True
    coef: float = Field(1.0, description="Weight beside the other rewards.")
    judge: ImportString[Judge] | None = Field(
        None,
        description="Import path of a function from a sample to a number in [0, 1] for each turn, "
        "how good a step it was; none takes the environment's turn rewards.",
    )

    def __call__(self, groups: Sequence[Group]) -> None:
        """Pay every turn."""
        for sample in samples_of(groups):
            sample.add_reward_turns(
                self.name, (self.coef * self.shaped(self._scores(sample))).tolist()
            )

    @abstractmethod
    def shaped(self, scores: Floats) -> Floats:
        """What each turn is paid, [turns], from how good a step it was, [turns]."""

    def conflict(self, config: Any) -> str | None:
        """The environment's rewards beside it, where it is made of them."""
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
    """r_k = min(p_k - η, 0): no step earns anything, a bad one costs.

    Trap: p - η alone pays for every further good step, so that an agent repeats trivial ones. η is
    to be such that most steps cost nothing. Returns-to-go with γ = 1 (``turn_returns``); a division
    by a deviation undoes the bound.
    """

    name: str = "process_clip"
    eta: float = Field(0.9, description="η: how good a step must be to cost nothing.")

    def shaped(self, scores: Floats) -> Floats:
        """What each turn is paid, [turns]."""
        return np.minimum(scores - self.eta, 0.0)


@register("process_delta")
class ProcessDelta(ProcessReward):
    """r_k = p_k - p_{k+1}; the last turn but one keeps its p, the last gets 0.

    The return-to-go of turn k telescopes to p_k, however many turns follow. Clipped first
    (``eta``), it is the paper's best.

    Trap: it holds for γ = 1 alone. The last turn is left to the outcome.
    """

    name: str = "process_delta"
    eta: float | None = Field(None, description="Clip p to min(p - η, 0) first; none does not.")

    def shaped(self, scores: Floats) -> Floats:
        """What each turn is paid, [turns]."""
        if self.eta is not None:
            scores = np.minimum(scores - self.eta, 0.0)
        kept = np.append(scores[:-1], 0.0)
        return kept - np.append(kept[1:], 0.0)
