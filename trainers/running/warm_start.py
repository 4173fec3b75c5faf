"""Supervised warm start from episodes of the environment's oracle and from saved episodes.

A saved episode is replayed with its actions, so that its tokens are exactly those of the run's own
chat, whichever agent played it and in whichever dialect.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from envgym.agents.oracle import OracleAgent
from envgym.chat.renderer import Chat
from envgym.errors import Fault, UsageError
from envgym.rollout.replay import differences, episode_folders, play_again
from envgym.rollout.runner import Rollout, Start
from envgym.store.episodes import read_episodes
from envgym.task import Task
from envgym.trainers.build import build_rollout, make_env
from envgym.trainers.collection.player import Player
from envgym.trainers.collection.samples import Sample
from envgym.trainers.config import Config
from envgym.trainers.config_sections import WarmStart
from envgym.trainers.guidance.reroll import guiding_message
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.losses import Sft
from envgym.trainers.losses.base import token_weights
from envgym.trajectory import Episode
from envgym.utils.seeds import indexed_seed


async def demonstrations(config: Config, chat: Chat) -> list[Episode]:
    """Play oracle episodes on training tasks and replay the saved ones.

    Raises:
        UsageError: A difficulty with a share has no task, or the saved episodes are of no use.
        Fault: An episode of the oracle broke.
    """
    warm, seed = config.warm_start, config.seed
    rollout = build_rollout(config, **warm.env)
    async with make_env(config, **warm.env) as env:
        tasks = choose_tasks(env.tasks("train"), warm, random.Random(f"demonstrations:{seed}"))
        starts = [
            Start(seed=indexed_seed(seed, i), task=task, group=f"oracle/{i}")
            for i, task in enumerate(tasks)
        ]
        try:
            starts = await _hinted(starts, rollout, warm, random.Random(f"hinted:{seed}"))
            result = await rollout.run(starts, OracleAgent(chat))
            if result.quarantined:
                raise Fault(f"the oracle failed: {result.quarantined[0].fault}", "env")
            return result.episodes + await recorded_demonstrations(rollout, chat, warm)
        finally:
            await rollout.close()


async def _hinted(
    starts: Sequence[Start], rollout: Rollout, config: WarmStart, rng: random.Random
) -> list[Start]:
    """Starts of which a share shows hints of its task, a random number of the weakest ones.

    Raises:
        UsageError: A task has no hints, one of them holds the gold answer, or no task has a
            difficulty with a share.
    """
    found = []
    if isinstance(config.hinted, dict) and starts:
        known = {start.task.difficulty for start in starts if start.task}
        if config.hinted and not config.hinted.keys() & known:
            raise UsageError(
                f"warm_start.hinted: no demonstration has the difficulty {min(config.hinted):g}: "
                "name difficulties of the environment's tasks"
            )
    for start in starts:
        share = config.hinted
        if isinstance(share, dict):
            difficulty = start.task.difficulty if start.task else None
            share = 0.0 if difficulty is None else share.get(difficulty, 0.0)
        if rng.random() < share:
            hints = await Player(rollout, {}).hints(start)  # it refuses one with the gold
            if not hints:
                raise UsageError("warm_start.hinted: a task has no hints: set it to 0")
            shown = hints[: rng.randint(1, len(hints))]
            start = replace(start, guidance=(guiding_message(shown, vanish=False),))
        found.append(start)
    return found


async def recorded_demonstrations(rollout: Rollout, chat: Chat, config: WarmStart) -> list[Episode]:
    """Replay saved episodes of at least `config.min_score`, in the chat's tokens.

    Hints are left out: the policy imitates the action without them.

    Raises:
        UsageError: No episode scores enough, or one replays differently in the run's environment,
            where its actions would not follow from the observations.
    """
    if not config.demo_dirs:
        return []
    folders = [folder for path in config.demo_dirs for folder in episode_folders(path)]
    recorded = [
        episode
        for folder in folders
        for episode in read_episodes(folder)
        if episode.fault is None and episode.score >= config.min_score
    ]
    if not recorded:
        raise UsageError(
            f"warm_start.demo_dirs: no episode with a score of at least {config.min_score:g}: play "
            "some, or lower warm_start.min_score"
        )
    again = await play_again(rollout, recorded, chat)
    for before, after in zip(recorded, again, strict=True):
        for unlike in differences(before, after):
            raise UsageError(
                f"warm_start.demo_dirs: episode {unlike.episode} comes out otherwise here "
                f"({unlike.what}): give `env` the arguments that it was recorded with"
            )
    return again


def choose_tasks(source: Sequence[Task], config: WarmStart, rng: random.Random) -> list[Task]:
    """Draw `config.episodes` tasks; a task repeats only after all of its difficulty were drawn."""
    shares: list[tuple[float | None, float]] = [*config.difficulty_mix.items()] or [(None, 1.0)]
    chosen: list[Task] = []
    for difficulty, share in shares:
        count = round(config.episodes * share / sum(share for _, share in shares))
        if not count:
            continue
        pool: Sequence[int] = range(len(source))  # all of them: none is made that is not chosen
        if difficulty is not None:
            pool = [i for i, task in enumerate(source) if task.difficulty == difficulty]
        if not pool:
            raise UsageError(f"warm_start.difficulty_mix: no task of difficulty {difficulty:g}")
        while count > 0:
            chosen += [source[i] for i in rng.sample(pool, min(count, len(pool)))]
            count -= len(pool)
    return chosen


def imitate(
    policy: Policy,
    episodes: Sequence[Episode],
    config: WarmStart,
    seed: int,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
) -> None:
    """Train `policy` on demonstrations, in epochs of shuffled batches, with linear decay."""
    samples = [
        Sample(e, t, role="demonstration")
        for e in episodes
        for t in e.trajectories.values()
        if t.turns
    ]
    if not samples:
        raise UsageError("warm_start has steps and no episodes: give episodes, or demo_dirs")
    rng = random.Random(f"imitate:{seed}")
    queue: list[Sample] = []
    for step in range(config.steps):
        while len(queue) < min(config.batch_size, len(samples)):
            queue += rng.sample(samples, len(samples))
        batch, queue = queue[: config.batch_size], queue[config.batch_size :]
        rows = train_rows(batch, token_weights(batch, "token", 1.0))
        scale = min(1.0, (step + 1) / 10, 2 * (1 - step / config.steps))
        metrics = policy.update(rows, [Sft()], lr_scale=scale)
        if on_step is not None:
            on_step(step, metrics)
