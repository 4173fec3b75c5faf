"""Figures that a table run measures beside its evaluations; preconditions of claims read them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from envgym.trainers.collection.samples import Group, of_policy


@dataclass
class Measured:
    """Figures of the steps so far; `summary` says what each one is.

    Attributes:
        compared, outside, failed, solved, rescued, scores, guided: One number per step (`outside`:
            per update; `rescued`: per failed group).
    """

    compared: list[float] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    solved: list[float] = field(default_factory=list)
    rescued: list[bool] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    guided: list[float] = field(default_factory=list)

    def add(self, played: Sequence[Group], trained: Sequence[Group], outside: list[float]) -> None:
        """Add a step.

        Args:
            played, trained: Groups that were played, and those of them that were trained on.
            outside: For each update the share of tokens outside PPO's clip range.
        """
        self.outside += outside
        self.compared.append(compared_share(trained))
        if guided := [s.episode.score for g in played if g[0].role == "guided" for s in g]:
            self.guided.append(statistics.fmean(guided))
        alone = of_policy(played)
        if not alone:
            return
        scores = {name: [s.episode.score for s in g] for g in alone for name in [_name(g)]}
        self.scores.append(statistics.fmean(s for group in scores.values() for s in group))
        failed = [name for name, found in scores.items() if not any(found)]
        self.failed.append(len(failed) / len(scores))
        self.solved.append(sum(all(found) for found in scores.values()) / len(scores))
        helped = {_name(g) for g in played if any(s.episode.score for s in g)}
        self.rescued += [name in helped for name in failed]

    def summary(self) -> dict[str, float]:
        """Means over the steps.

        ``compared``: share of turns in whose state their group took several actions.
        ``outside_clip``: share of trained tokens whose ratio to the sampler is outside 0.8 to 1.2
        before an update. ``late_score``: mean score of the policy's own episodes of the last tenth
        of the steps. ``failed_groups``: share of groups in which no plain episode scores.
        ``rescued``: share of these in which one with guidance does. ``solved_groups``: share of
        groups in which every plain episode scores. ``early_guided_score``: mean score of the
        episodes with hints of the first tenth of the steps.
        """
        return {
            "compared": _mean(self.compared),
            "failed_groups": _mean(self.failed),
            "rescued": _mean(self.rescued),
            "solved_groups": _mean(self.solved),
            "early_guided_score": _mean(self.guided[: max(1, len(self.guided) // 10)]),
            "outside_clip": _mean(self.outside),
            "late_score": _mean(self.scores[-max(1, len(self.scores) // 10) :]),
        }


def compared_share(groups: Sequence[Group]) -> float:
    """Share of turns in whose state their group took more than one action."""
    shares: list[bool] = []
    for group in groups:
        turns = [(turn.anchor, turn.action[0]) for s in group for turn in s.trajectory.turns]
        taken: dict[str, set[int]] = {}
        for state, action in turns:
            taken.setdefault(state, set()).add(action)
        shares += [len(taken[state]) > 1 for state, _ in turns]
    return statistics.fmean(shares)


def _name(group: Group) -> str:
    return group[0].episode.group


def _mean(values: Sequence[float]) -> float:
    """Mean; 0 where no step measured a value."""
    return statistics.fmean(values) if values else 0.0
