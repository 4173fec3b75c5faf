"""Metrics of a step about its episodes, updates and time."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from envgym.rollout.runner import RolloutResult
from envgym.trainers.collection.samples import Group
from envgym.trajectory import POLICY


def mean(updates: Sequence[dict[str, float]]) -> dict[str, float]:
    """Mean of each metric over a step's optimiser steps, named ``learn/…``.

    Those that begin with ``sampler_`` are of the first one: after it the policy is no longer the
    sampler's.
    """
    names = sorted({name for update in updates for name in update})
    found = {
        f"learn/{name}": statistics.fmean(u[name] for u in updates if name in u) for name in names
    }
    first = next((u for u in updates if "sampler_gap" in u), {})
    return found | {f"learn/{n}": v for n, v in first.items() if n.startswith("sampler_")}


def of_groups(groups: Sequence[Group], result: RolloutResult) -> dict[str, float]:
    """Scores, rewards, lengths, turns, stop reasons and faults of a step.

    Scores cover the episodes that the policy played on its own, other metrics of episodes all that
    were played; metrics of groups and rewards cover the kept groups, without those that derive
    plug-ins made of the same episodes under another role. A standard error is over the means of
    groups, whose members share a task. ``episode/entropy`` is the mean negative log-prob of sampled
    tokens: an unbiased estimate of the behaviour policy's entropy, in nats.
    """
    episodes = result.episodes
    alone = [e for e in episodes if e.role == POLICY] or episodes
    groups = [g for g in groups if g[0].role == g[0].episode.role] or groups
    spreads = [statistics.pstdev(s.reward for s in group) for group in groups]
    logprobs = [lp for e in episodes for t in e.turns for lp in t.logprobs]
    report = {
        "score": statistics.fmean(e.score for e in alone),
        "score_stderr": _stderr((e.group, e.score) for e in alone),
        "reward": statistics.fmean(s.reward for g in groups for s in g),
        "reward_stderr": _stderr((i, s.reward) for i, g in enumerate(groups) for s in g),
        "group/reward_std": statistics.fmean(spreads),
        "group/equal": statistics.fmean(spread == 0 for spread in spreads),
        "episode/turns": statistics.fmean(len(e.turns) for e in episodes),
        "episode/tokens": statistics.fmean(e.trajectory.action_tokens for e in episodes),
        "episode/entropy": -statistics.fmean(logprobs) if logprobs else 0.0,
        "rollout/loop_lag_s": result.loop_lag_s,
        "faults/retried": float(result.retried),
        "faults/quarantined": float(len(result.quarantined)),
        **result.counts,
    }
    for name in sorted({name for e in episodes for name in e.metrics}):
        values = [e.metrics.get(name, 0.0) for e in episodes]
        report[f"env/{name}"] = statistics.fmean(values)
    for role in sorted({e.role for e in episodes} - {POLICY}):
        of_role = [e.score for e in episodes if e.role == role]
        report[f"role/{role}_score"] = statistics.fmean(of_role)
        report[f"role/{role}"] = len(of_role) / len(episodes)
    for reason in sorted({e.stop_reason for e in episodes}):
        report[f"stop/{reason}"] = statistics.fmean(e.stop_reason == reason for e in episodes)
    return report


def time_split(result: RolloutResult) -> dict[str, float]:
    """Wall time of the rollout in seconds, split between generation and tools.

    Episodes overlap, so no second belongs to one of them: each part is its share of the summed
    waiting time of all episodes, times the wall time.
    """
    agent = sum(e.agent_s for e in result.episodes)
    env = sum(e.env_s for e in result.episodes)
    waited = max(agent + env, 1e-9)
    return {
        "time/generate_s": result.wall_s * agent / waited,
        "time/tools_s": result.wall_s * env / waited,
    }


def _stderr(values: Iterable[tuple[object, float]]) -> float:
    """Standard error of the mean of (group, value) pairs; 0 for a single group."""
    groups: dict[object, list[float]] = {}
    for group, value in values:
        groups.setdefault(group, []).append(value)
    means = [statistics.fmean(group) for group in groups.values()]
    return statistics.stdev(means) / len(means) ** 0.5 if len(means) > 1 else 0.0
