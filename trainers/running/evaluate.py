"""Evaluation: scores on held-out tasks, with their denominator, intervals and unbiased pass@k."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from envgym.agent import OF_AGENT, Agent
from envgym.errors import Fault
from envgym.rollout.runner import Rollout, RolloutResult, Start
from envgym.task import Task
from envgym.trainers.running.intervals import Interval, interval, success_interval
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


NOT_PLAYED = "not played"
"""Reason why an episode is left out that is no fault: the evaluation ended before it."""


@dataclass
class Scores:
    """Scores of an evaluation.

    Attributes:
        score: Mean score over tasks, each the mean over its episodes.
        stderr: Its standard error over tasks.
        score_interval: Its 95 % interval, Student's t over tasks.
        tasks, episodes: Number of tasks with a scored episode, and of scored episodes: the
            denominators of all figures here.
        planned: Number of episodes that the evaluation asked for.
        left_out: Number of planned episodes that have no score, by reason: the kind of their fault,
            or ``not played``.
        faults: Number of episodes that broke in spite of retries; none counts as a score of 0.
        infra_rate: Share of the episodes played that the infrastructure broke.
        turns, tokens: Mean number of turns and of sampled tokens per episode.
        pass_at: pass@k for k = 1, 2, 4, … up to the samples of a task; success is score 1.
        pass_tasks: Number of tasks behind each of them: those with k scored episodes or more.
        success: 95 % Wilson interval of the mean success rate of the tasks (pass@1).
        usage: Sums over all episodes, broken ones included, of the figures that their agent
            reported, such as tokens and cost; tries that were repeated are not in it.
        by_difficulty: Mean score of the tasks of each difficulty.
        metrics: Mean of each of the environment's metrics over all episodes; an unreported one
            counts as 0.
    """

    score: float
    stderr: float
    score_interval: Interval
    tasks: int
    episodes: int
    planned: int
    left_out: dict[str, int]
    faults: int
    infra_rate: float
    turns: float
    tokens: float
    pass_at: dict[int, float]
    pass_tasks: dict[int, int]
    success: Interval
    usage: dict[str, float]
    by_difficulty: dict[str, float]
    metrics: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The scores as JSON values."""
        by_k = {
            name: {str(k): v for k, v in getattr(self, name).items()}
            for name in ("pass_at", "pass_tasks")
        }
        return {**asdict(self), **by_k}


def pick_tasks(source: Sequence[Task], count: int) -> list[Task]:
    """Pick `count` tasks spread evenly over a source, always the same ones."""
    count = min(count, len(source))
    return [source[i * len(source) // count] for i in range(count)]


def evaluation_starts(tasks: Sequence[Task], samples: int, seed: int) -> list[Start]:
    """Return the starts of an evaluation: each task `samples` times, in a group of its own."""
    return [
        Start(seed=indexed_seed(seed, i), task=task, group=f"eval{seed}/{i}", member=member)
        for i, task in enumerate(tasks)
        for member in range(samples)
    ]


async def evaluate(
    rollout: Rollout,
    agent: Agent,
    tasks: Sequence[Task],
    samples: int,
    seed: int,
    on_episode: Callable[[Episode], None] | None = None,
) -> tuple[Scores, RolloutResult]:
    """Play every task `samples` times and score the episodes."""
    result = await rollout.run(evaluation_starts(tasks, samples, seed), agent, on_episode)
    if result.stopped:
        raise Fault(result.stopped, "budget")
    return summarise(result, samples), result


def summarise(result: RolloutResult, samples: int, planned: int | None = None) -> Scores:
    """Compute the scores of an evaluation; quarantined episodes count apart.

    Args:
        planned: Number of episodes asked for, where some of them were not played.
    """
    by_task: dict[str, list[float]] = {}
    by_difficulty: dict[str, list[float]] = {}
    for episode in result.episodes:
        by_task.setdefault(episode.group, []).append(episode.score)
        if episode.task.difficulty is not None:
            name = f"{episode.task.difficulty:g}"
            by_difficulty.setdefault(name, []).append(episode.score)
    means = [statistics.fmean(scores) for scores in by_task.values()]
    solved = [[score >= 1.0 for score in scores] for scores in by_task.values()]
    enough: dict[int, list[list[bool]]] = {}
    k = 1
    while k <= samples:
        if whole := [outcomes for outcomes in solved if len(outcomes) >= k]:
            enough[k] = whole
        k *= 2
    left_out = Counter((e.fault or "").partition(":")[0] for e in result.quarantined)
    infra, played = left_out["infra"], len(result.episodes) + len(result.quarantined)
    if missing := (planned or played) - played:
        left_out[NOT_PLAYED] = missing
    score = interval(means) if means else _NOTHING
    return Scores(
        score=score.mean,
        stderr=statistics.stdev(means) / len(means) ** 0.5 if len(means) > 1 else 0.0,
        score_interval=score,
        tasks=len(means),
        episodes=len(result.episodes),
        planned=planned or played,
        left_out=dict(left_out.most_common()),
        faults=len(result.quarantined),
        infra_rate=infra / played if played else 0.0,
        turns=_mean(len(e.turns) for e in result.episodes),
        tokens=_mean(_sampled_tokens(e) for e in result.episodes),
        pass_at={
            k: statistics.fmean(pass_at_k(len(s), sum(s), k) for s in whole)
            for k, whole in enough.items()
        },
        pass_tasks={k: len(whole) for k, whole in enough.items()},
        success=success_interval(solved) if solved else _NOTHING,
        usage=usage_of([*result.episodes, *result.quarantined]),
        by_difficulty={k: statistics.fmean(v) for k, v in sorted(by_difficulty.items())},
        metrics={
            name: _mean(e.metrics.get(name, 0.0) for e in result.episodes)
            for name in sorted({name for e in result.episodes for name in e.metrics})
        },
    )


def usage_of(episodes: Sequence[Episode]) -> dict[str, float]:
    """Sum what the episodes' agents reported (tokens, cost), by name."""
    found: dict[str, float] = {}
    for episode in episodes:
        for name, value in episode.metrics.items():
            if name.startswith(OF_AGENT):
                name = name.removeprefix(OF_AGENT)
                found[name] = found.get(name, 0.0) + value
    return found


_NOTHING = Interval(0.0, 0.0, 0.0)


def _sampled_tokens(episode: Episode) -> float:
    """Tokens of the policy's turns; those that a server counted where it kept the ids."""
    return episode.trajectory.action_tokens or episode.metrics.get(f"{OF_AGENT}output_tokens", 0.0)


def _mean(values: Iterable[float]) -> float:
    """Mean of the values; 0 where there are none."""
    found = list(values)
    return statistics.fmean(found) if found else 0.0
