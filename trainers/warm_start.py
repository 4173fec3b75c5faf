"""The supervised warm start: imitate the environment's oracle on training tasks."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from envgym.agents.oracle import OracleAgent
from envgym.chat import Chat
from envgym.errors import Fault, UsageError
from envgym.rollout import Rollout, Start
from envgym.task import Task
from envgym.trainers.batch import Sample, train_rows
from envgym.trainers.config import WarmStart
from envgym.trainers.losses import Sft
from envgym.trainers.losses.base import token_weights
from envgym.trainers.policy import Policy
from envgym.trajectory import Episode


async def demonstrations(
    rollout: Rollout, chat: Chat, source: Sequence[Task], config: WarmStart, seed: int
) -> list[Episode]:
    """Oracle episodes on tasks of a source.

    Raises:
        UsageError: The source has no task of a difficulty that has a share.
        Fault: Not every episode could be played.
    """
    tasks = choose_tasks(source, config, random.Random(f"demonstrations:{seed}"))
    starts = [
        Start(seed=seed * 100003 + i, task=task, group=f"oracle/{i}")
        for i, task in enumerate(tasks)
    ]
    result = await rollout.run(starts, OracleAgent(chat))
    if result.quarantined:
        raise Fault(f"the oracle failed: {result.quarantined[0].fault}", "env")
    return result.episodes


def choose_tasks(source: Sequence[Task], config: WarmStart, rng: random.Random) -> list[Task]:
    """`config.episodes` tasks, each drawn again only once all like it were drawn."""
    shares: list[tuple[float | None, float]] = [*config.shares.items()] or [(None, 1.0)]
    chosen: list[Task] = []
    for difficulty, share in shares:
        pool = [task for task in source if difficulty in (None, task.difficulty)]
        if not pool:
            raise UsageError(f"warm_start.shares: no task of difficulty {difficulty:g}")
        count = round(config.episodes * share / sum(share for _, share in shares))
        while count > 0:
            chosen += rng.sample(pool, min(count, len(pool)))
            count -= len(pool)
    return chosen


def imitate(
    policy: Policy,
    episodes: Sequence[Episode],
    config: WarmStart,
    seed: int,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
) -> None:
    """Train `policy` on demonstrations, by epochs of shuffled batches, with linear decay."""
    samples = [Sample(e, t, kind="sft") for e in episodes for t in e.trajectories.values()]
    rng = random.Random(f"imitate:{seed}")
    queue: list[Sample] = []
    for step in range(config.steps):
        while len(queue) < min(config.rows, len(samples)):
            queue += rng.sample(samples, len(samples))
        batch, queue = queue[: config.rows], queue[config.rows :]
        rows = train_rows(batch, token_weights(batch, "token", 1.0))
        scale = min(1.0, (step + 1) / 10, 2 * (1 - step / config.steps))
        metrics = policy.update(rows, [Sft()], lr_scale=scale)
        if on_step is not None:
            on_step(step, metrics)
