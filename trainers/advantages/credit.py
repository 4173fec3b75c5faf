"""Credit arithmetic over turns and tokens: placed rewards, discounted sums, baselines.

Every function works on action tokens alone, laid end to end: context between them is neither
counted nor discounted nor valued. Nothing loops over tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64, Int64

from envgym.trainers.collection.samples import Group, Sample

Floats = Float64[np.ndarray, " n"]
"""One number per step, which is a token or a turn."""
PerToken = Float64[np.ndarray, " tokens"]
PerTurn = Float64[np.ndarray, " turns"]
Counts = Int64[np.ndarray, " turns"]


def lengths(sample: Sample) -> Counts:
    """Number of action tokens per turn."""
    return np.array([len(turn.action) for turn in sample.trajectory.turns], np.int64)


def rewards_by_token(sample: Sample) -> PerToken:
    """Reward per action token: turn rewards on last tokens, the rest on the very last.

    The reward of a turn without tokens falls on the token before it, or on the first of all.
    """
    counts = lengths(sample)
    total = np.zeros(counts.sum())
    if not len(total):
        return total
    by_turn = np.zeros(len(counts))
    if sample.turn_rewards:
        by_turn += sample.turn_rewards
    dense = 0.0
    if sample.token_rewards:
        total += np.concatenate(sample.token_rewards)
        dense = float(sum(part.sum() for part in sample.token_rewards))
    by_turn[-1] += sample.reward - sum(sample.turn_rewards) - dense
    np.add.at(total, np.maximum(counts.cumsum() - 1, 0), by_turn)
    return total


def rewards_by_turn(sample: Sample) -> PerTurn:
    """Reward per turn."""
    counts = lengths(sample)
    turn = np.repeat(np.arange(len(counts)), counts)
    return np.bincount(turn, rewards_by_token(sample), len(counts)).astype(np.float64)


def discounted_sums(values: Floats, factor: float) -> Floats:
    """``y[t] = values[t] + factor · y[t + 1]``, by doubling: log2(T) passes over the array."""
    total = np.array(values, np.float64)
    step = 1
    while step < len(total):
        total[:-step] = total[:-step] + factor**step * total[step:]
        step *= 2
    return total


def gae(rewards: Floats, values: Floats, gamma: float, lam: float) -> Floats:
    """Generalised advantage estimates (GAE, arXiv 1506.02438 eq. 16); the value after the end is 0.

    δ[t] = r[t] + γ V[t + 1] - V[t]; A[t] = δ[t] + γλ A[t + 1].
    """
    delta = rewards + gamma * np.append(values[1:], 0.0) - values
    return discounted_sums(delta, gamma * lam)


ROUNDING = 1e-12
"""Relative tolerance for equality: sums in another order differ by no more than this."""


def safe_divide(values: Floats, scale: Floats | float) -> Floats:
    """Elementwise division; 0 where values or scale is 0."""
    measured = (values != 0) & (np.asarray(scale) > 0)
    return np.divide(values, scale, out=np.zeros(len(values)), where=measured)


def split(sample: Sample, flat: PerToken) -> list[Float32[np.ndarray, " turn_tokens"]]:
    """Split an array into one per turn."""
    return np.split(flat.astype(np.float32), lengths(sample).cumsum()[:-1])


def spread_turns(sample: Sample, advantages: PerTurn) -> None:
    """Give every token of a turn the turn's advantage."""
    sample.advantages = split(sample, np.repeat(advantages, lengths(sample)))


def baseline_by_position(
    returns: Sequence[PerToken], weights: Sequence[PerToken] | None = None
) -> Float64[np.ndarray, " longest"]:
    """Mean return of the members at each position.

    Where fewer than two members are left, the last mean of two continues. A member's own return
    as baseline would take all credit from the ends of long episodes; 0 would leave them all of it.
    """
    longest = max(len(r) for r in returns)
    there = np.zeros((len(returns), longest))
    total = np.zeros((len(returns), longest))
    for i, own in enumerate(returns):
        there[i, : len(own)] = 1.0 if weights is None else np.maximum(weights[i], 1e-8)
        total[i, : len(own)] = own
    mean = (there * total).sum(0) / there.sum(0)
    low = np.where(there > 0, total, np.inf).min(0)
    high = np.where(there > 0, total, -np.inf).max(0)
    equal = high - low <= ROUNDING * np.maximum(np.abs(low), np.abs(high))
    mean = np.where(equal, low, mean)  # sums of equal values are not always as many times one
    compared = (there > 0).sum(0) > 1
    return mean[np.maximum.accumulate(np.where(compared, np.arange(longest), 0))]


def whiten(samples: Sequence[Sample], eps: float = 1e-8) -> None:
    """Shift and scale advantages to mean 0 and deviation 1 over the samples' action tokens.

    Differences within float32 rounding become 0: a deviation as small would blow them up.
    """
    parts = [a for sample in samples for a in sample.advantages]
    flat = np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)
    if not len(flat):
        return
    differ = np.ptp(flat) > 1e-6 * np.abs(flat).max()
    mean, deviation = flat.mean(), flat.std(ddof=1) if differ else 0.0
    for sample in samples:
        sample.advantages = [
            ((a - mean) / (deviation + eps)).astype(np.float32) if deviation else np.zeros_like(a)
            for a in sample.advantages
        ]


def samples_of(groups: Sequence[Group]) -> list[Sample]:
    """Flatten groups into their samples, in order."""
    return [sample for group in groups for sample in group]
