"""Probes: token sequences whose log-probs a reward asks the policy for.

A verifier-free reward reads how probable a reference answer is after the policy's own reasoning
(VeriFree, arXiv 2505.21493; RLPR, arXiv 2506.18254).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envgym.chat.renderer import Chat
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.rescoring import Scorer
from envgym.trainers.rewards.base import Reward
from envgym.trajectory import Span, Trajectory, Turn


def score_probes(reward: Reward, samples: Sequence[Sample], chat: Chat, scorer: Scorer) -> None:
    """Set `Sample.probes` to the log-probs of the reward's probes under the policy as it is now.

    Each probe gives one float32 array [target ids].
    """
    for sample in samples:
        sample.probes = []
    asked = [(sample, probe) for sample in samples for probe in reward.probes(sample, chat)]
    turns = [Turn([Span("user", list(probe.context))], list(probe.target)) for _, probe in asked]
    made = [
        Sample(sample.episode, Trajectory(turns=[turn]))
        for (sample, _), turn in zip(asked, turns, strict=True)
    ]
    found: list[list[NDArray[np.float32]]] = scorer.score("prox_logp", made) if made else []
    for (sample, _), parts in zip(asked, found, strict=True):
        sample.probes += parts
