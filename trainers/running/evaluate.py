"""Evaluation: scores on held-out tasks, with unbiased pass@k."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from envgym.agent import Agent
from envgym.errors import Fault
from envgym.rollout.runner import Rollout, RolloutResult, Start
from envgym.task import Task
from envgym.trajectory import Episode
from envgym.utils.seeds import indexed_seed


def pass_at_k(n: int, c: int, k: int) -> float:
    """Probability that at least one of k episodes, drawn from n with c successes, succeeds.

    1 - C(n-c, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374, eq. 1), as a product that cannot
    overflow; 1 where fewer than k failed.
    """
    if not 1 <= k <= n:
        raise ValueError(f"k must be within 1..{n}, not {k}")
    if n - c < k:
        return 1.0
    failure = 1.0
    for i in range(n - c + 1, n + 1):
        failure *= 1.0 - k / i
    return 1.0 - failure


@dataclass
class Scores:
    """Scores of an evaluation.

    Attributes:
        score: Mean score over episodes.
        stderr: Its standard error over tasks.
        pass_at: pass@k for k = 1, 2, 4, … up to the samples of a task; success is score 1.
        by_difficulty: Mean score of the tasks of each difficulty.
        turns, tokens: Mean number of turns and of sampled tokens per episode.
        metrics: Mean of each of the environment's metrics over all episodes; an unreported one
            counts as 0.
    """

    score: float
    stderr: float
    tasks: int
    episodes: int
    faults: int
    turns: float
    tokens: float
    pass_at: dict[int, float]
    by_difficulty: dict[str, float]
    metrics: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The scores as JSON values."""
        return {**vars(self), "pass_at": {str(k): v for k, v in self.pass_at.items()}}


def pick_tasks(source: Sequence[Task], count: int) -> list[Task]:
    """Pick `count` tasks spread evenly over a source, always the same ones."""
    count = min(count, len(source))
    return [source[i * len(source) // count] for i in range(count)]


async def evaluate(
    rollout: Rollout,
    agent: Agent,
    tasks: Sequence[Task],
    samples: int,
    seed: int,
    on_episode: Callable[[Episode], None] | None = None,
) -> tuple[Scores, RolloutResult]:
    """Play every task `samples` times and score the episodes."""
    starts = [
        Start(seed=indexed_seed(seed, i), task=task, group=f"eval{seed}/{i}", member=member)
        for i, task in enumerate(tasks)
        for member in range(samples)
    ]
    result = await rollout.run(starts, agent, on_episode)
    if result.stopped:
        raise Fault(result.stopped, "budget")
    return summarise(result, samples), result


def summarise(result: RolloutResult, samples: int) -> Scores:
    """Compute the scores of an evaluation; quarantined episodes count apart."""
    by_task: dict[str, list[float]] = {}
    by_difficulty: dict[str, list[float]] = {}
    for episode in result.episodes:
        by_task.setdefault(episode.group, []).append(episode.score)
        if episode.task.difficulty is not None:
            name = f"{episode.task.difficulty:g}"
            by_difficulty.setdefault(name, []).append(episode.score)
    means = [statistics.fmean(scores) for scores in by_task.values()]
    pass_at: dict[int, float] = {}
    k = 1
    while k <= samples:
        whole = [s for s in by_task.values() if len(s) >= k]
        if whole:
            pass_at[k] = statistics.fmean(
                pass_at_k(len(s), sum(score >= 1.0 for score in s), k) for s in whole
            )
        k *= 2
    return Scores(
        score=statistics.fmean(means) if means else 0.0,
        stderr=statistics.stdev(means) / len(means) ** 0.5 if len(means) > 1 else 0.0,
        tasks=len(means),
        episodes=len(result.episodes),
        faults=len(result.quarantined),
        turns=_mean(len(e.turns) for e in result.episodes),
        tokens=_mean(e.trajectory.action_tokens for e in result.episodes),
        pass_at=pass_at,
        by_difficulty={k: statistics.fmean(v) for k, v in sorted(by_difficulty.items())},
        metrics={
            name: _mean(e.metrics.get(name, 0.0) for e in result.episodes)
            for name in sorted({name for e in result.episodes for name in e.metrics})
        },
    )


def _mean(values: Iterable[float]) -> float:
    """Mean of the values; 0 where there are none."""
    found = list(values)
    return statistics.fmean(found) if found else 0.0
