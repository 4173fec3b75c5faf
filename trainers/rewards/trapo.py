"""Pseudo-scores for tasks without labels, by learning trajectories (TraPO, arXiv 2512.13106)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field, ImportString, PrivateAttr

from envgym.trainers.collection.samples import Group, Sample, of_policy
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward
from envgym.trainers.rewards.majority import Answer, majority
from envgym.trainers.rewards.trajectories import select, similarity
from envgym.utils.seeds import derive_seed


@register("trapo")
class Trapo(Reward):
    """Labelled: the score. Unlabelled: 1[answer = the group's majority], where the task is chosen.

    A task's pass rates, visit after visit, are its trajectory; an unlabelled task's are its pseudo
    pass rates, the shares of the majority. An unlabelled task is chosen once its trajectory z has
    mean_j cos(z, z_j) of at least ``similarity`` with the standardised trajectories of labelled
    and earlier chosen tasks, or is among the step's ``top`` share. Batches leave all others out,
    as they do groups whose majority is a tie, which has pass rate 0.

    Trap: majorities alone collapse: the policy agrees with itself, right or wrong. Nothing else may
    read the score of an unlabelled task: neither other rewards, nor guidance, nor dynamic sampling.
    Trajectories need tasks that recur: sampler `epochs` with a ``pool``.
    """

    labelled: str | None = Field(
        None,
        description="Name of the visible field that is true for labelled tasks; null takes the "
        "labelled_share of all tasks, by a hash of their keys.",
    )
    labelled_share: float = Field(
        0.25, gt=0, le=1, description="Share of labelled tasks, where no field marks them."
    )
    warmup: int = Field(
        8, ge=2, description="Number of visits of an unlabelled task before it can be chosen."
    )
    similarity: float = Field(
        0.4, ge=-1, le=1, description="Least mean cosine with reliable trajectories to be chosen."
    )
    top: float = Field(
        0.1, ge=0, le=1, description="Share of the step's unlabelled tasks chosen by rank."
    )
    answer: ImportString[Answer] = Field(
        "envgym.trainers.rewards.majority:final_answer",
        validate_default=True,
        description="Import path of a function from a sample to its answer, None for none.",
    )
    _labelled: dict[str, list[float]] = PrivateAttr(default_factory=dict)
    _unlabelled: dict[str, list[float]] = PrivateAttr(default_factory=dict)
    _reliable: dict[str, None] = PrivateAttr(default_factory=dict)

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add scores and pseudo-scores; leave out what is not chosen."""
        pending: list[tuple[Group, list[float]]] = []
        for group in of_policy(groups):
            if self._is_labelled(group[0]):
                scores = [sample.episode.score for sample in group]
                self._extend(self._labelled, group[0], sum(scores) / len(scores))
                self._pay(group, scores)
                continue
            votes = [self.answer(sample) for sample in group]
            winner = majority(votes)
            scores = [float(winner is not None and vote == winner) for vote in votes]
            self._extend(self._unlabelled, group[0], sum(scores) / len(scores))
            pending.append((group, [] if winner is None else scores))
        chosen = self._choose([group[0].episode.task.key for group, _ in pending])
        for group, scores in pending:
            if scores and group[0].episode.task.key in chosen:
                self._pay(group, scores)
                continue
            self._pay(group, [0.0] * len(group))
            for sample in group:
                sample.skip = True

    def conflict(self, config: Any) -> str | None:
        """Report plug-ins that read the score of tasks without a label."""
        guidance = getattr(config, "guidance", None)  # a table has none
        if guidance is not None and guidance.name != "none":
            return "guidance reads the score of unlabelled tasks: set guidance to none"
        if config.rollout.dynamic_rounds > 1:
            return (
                "dynamic sampling reads the score of unlabelled tasks: set "
                "rollout.dynamic_rounds to 1"
            )
        if known := {"environment", "score"} & {reward.name for reward in config.rewards}:
            return (
                f"reward {min(known)!r} pays the score of unlabelled tasks: leave it out, trapo "
                "pays that of labelled ones"
            )
        return None

    def state(self) -> dict[str, Any]:
        """The trajectories, and which unlabelled tasks were chosen."""
        return {
            "labelled": self._labelled,
            "unlabelled": self._unlabelled,
            "reliable": list(self._reliable),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore the trajectories."""
        self._labelled = {key: list(rates) for key, rates in state["labelled"].items()}
        self._unlabelled = {key: list(rates) for key, rates in state["unlabelled"].items()}
        self._reliable = dict.fromkeys(state["reliable"])

    def _choose(self, keys: Sequence[str]) -> set[str]:
        """Choose among the step's unlabelled tasks, and count the chosen ones as reliable."""
        ready = [k for k in dict.fromkeys(keys) if len(self._unlabelled[k]) >= self.warmup]
        found = {
            key: similarity(
                self._unlabelled[key],
                [
                    *self._labelled.values(),
                    *(self._unlabelled[other] for other in self._reliable if other != key),
                ],
            )
            for key in ready
        }
        chosen = select(found, self.top, self.similarity)
        self._reliable |= dict.fromkeys(key for key in ready if key in chosen)
        return chosen

    def _is_labelled(self, sample: Sample) -> bool:
        task = sample.episode.task
        if self.labelled is not None:
            return bool(task.data.get(self.labelled))
        return derive_seed("labelled", task.key) % 10_000 < self.labelled_share * 10_000

    def _extend(self, trajectories: dict[str, list[float]], sample: Sample, rate: float) -> None:
        trajectories.setdefault(sample.episode.task.key, []).append(rate)

    def _pay(self, group: Group, scores: Sequence[float]) -> None:
        for sample, score in zip(group, scores, strict=True):
            sample.add_reward(self.name, score)
