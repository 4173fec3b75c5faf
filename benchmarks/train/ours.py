"""envgym's update on the episodes of `bench train`: credit, rows, losses, gradient, optimiser."""

from __future__ import annotations

import json
import statistics
import sys
import time

import torch
from shapes import MICRO_TOKENS, STEPS, Memory, episodes, model

from envgym.task import Task
from envgym.trainers.advantages import Grpo
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.losses import Clip
from envgym.trainers.losses.base import token_weights
from envgym.trajectory import Episode, Span, Trajectory, Turn


def groups() -> list[Group]:
    """The episodes, as the loop has them after a rollout."""
    found: dict[int, Group] = {}
    for play in episodes():
        turns, before = [], play.prompt
        for action, answer in play.turns:
            turns.append(Turn([Span("tool", before)], action, [float("nan")] * len(action)))
            before = answer
        trajectory = Trajectory("agent", turns)
        made = Episode("e", "bench", Task({}), 0, trajectories={"agent": trajectory})
        found.setdefault(play.group, []).append(Sample(made, trajectory, play.reward))
    return list(found.values())


def main() -> None:
    """Update a few times and print."""
    torch.set_num_threads(1)
    packing = {"packed": True, "padded": False}[sys.argv[1]]
    played = groups()
    samples = [sample for group in played for sample in group]
    policy = Policy(LanguageModel(model(), micro_tokens=MICRO_TOKENS, packing=packing), lr=1e-5)
    memory, seconds = Memory(), []
    for _ in range(STEPS + 1):
        began = time.perf_counter()
        Grpo()(played)
        rows = train_rows(samples, token_weights(samples, "token", 1.0))
        metrics = policy.update(rows, [Clip()])
        seconds.append(time.perf_counter() - began)
        print(f"gradient {metrics['grad_norm']:.6f}", file=sys.stderr)
    tokens = sum(play.tokens for play in episodes())
    median = statistics.median(seconds[1:])
    figures = {
        "tokens_per_s": tokens / median,
        "speed_s": median,
        "memory_mib": memory.mib(),
    }
    print(json.dumps(figures))


main()
