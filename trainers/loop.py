"""Training loop: draw tasks, play them, credit, learn; it reads like the papers' pseudo-code."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from envgym.agents.local import LocalAgent, SamplingParams
from envgym.chat.renderer import Chat
from envgym.errors import Fault
from envgym.rollout.runner import Limits, Rollout, RolloutResult, Start
from envgym.task import Task
from envgym.trainers.build import build_chat, build_model, make_env
from envgym.trainers.collection.dynamic_sampling import Collected, collect
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.config import Config, CriticSection
from envgym.trainers.learner.critic import Critic, explained_variance
from envgym.trainers.learner.policy import Policy, ValueTerm
from envgym.trainers.learner.rescoring import rescore, rescore_proximal
from envgym.trainers.learner.rows import TrainRow, train_rows
from envgym.trainers.losses.base import useful_rows
from envgym.trainers.running import metrics as measure
from envgym.trainers.running.evaluate import Scores, evaluate, pick_tasks
from envgym.trainers.running.sanity_checks import (
    check_advantages,
    check_played,
    check_rewards,
    nothing_learnt,
)
from envgym.trainers.running.warm_start import demonstrations, imitate
from envgym.trajectory import Episode
from envgym.utils.seeds import derive_seed


class Trainer:
    """Parts of one run and its loop: `step` is one iteration, and `run.train` calls it.

    Attributes:
        step_number: Number of reinforcement-learning steps done.
        idle_steps: Number of consecutive last steps with nothing to learn from.
    """

    def __init__(self, config: Config) -> None:
        # Plug-ins remember: another run of the same config begins without what this one kept.
        self.config = config = config.model_copy(deep=True)
        if config.torch_threads:
            torch.set_num_threads(config.torch_threads)
        roll = config.rollout
        self.env = make_env(config)
        self.rollout = self._rollout()
        self.source: Sequence[Task] = self.env.tasks("train")
        self.model, tokenizer = build_model(config, self.env)
        self.chat: Chat = build_chat(config, tokenizer)
        self.agent = self._agent(roll.temperature)
        self.policy = self._policy(config.learner.lr)
        self.reference = (
            copy.deepcopy(self.model).requires_grad_(False)
            if any(loss.needs_reference for loss in config.losses)
            or any(reward.needs_reference for reward in config.rewards)
            else None
        )
        self.critic = self._critic(config.critic) if config.critic else None
        self.step_number = 0
        self.idle_steps = 0

    async def step(self) -> tuple[dict[str, float], list[Episode]]:
        """Run one step; return its metrics and the episodes played."""
        config = self.config
        began = time.monotonic()
        counters = self.agent.engine.stats
        missed, waited_s = counters.missed, counters.waited_s
        groups, result = await self.collect()
        played = time.monotonic()
        samples = [sample for group in groups for sample in group]
        rescore(config, self.policy, self.reference, samples)
        for reward in config.rewards:
            reward(groups)
            check_rewards(groups, reward.name)
        if self.critic is not None:
            self.critic.compute_values(samples)
        config.advantage(groups)
        check_advantages(groups, config.advantage.name)
        for sample in samples:
            sample.record_advantages()
        batches = list(config.batching(groups, f"{config.seed}:{self.step_number}"))
        rescore_proximal(config, self.policy, [s for batch in batches for s in batch])
        updates = [self.learn(batch) for batch in batches]
        self.idle_steps = 0 if any(updates) else self.idle_steps + 1
        if self.idle_steps > config.learner.max_idle_steps:
            raise nothing_learnt(groups, batches, config, self.step_number + 1)
        self.agent.engine.update_weights()
        self.step_number += 1
        report = {
            **measure.of_groups(groups, result),
            **(result.metrics() if config.rollout.dynamic_rounds > 1 else {}),
            **config.batching.report(),
            **measure.mean(updates),
            **({"critic/explained": explained_variance(samples)} if self.critic else {}),
            **measure.time_split(result),
            "rollout/missed": float(counters.missed - missed),
            "engine/waited_s": counters.waited_s - waited_s,
            "time/rollout_s": played - began,
            "time/learn_s": time.monotonic() - played,
        }
        return report, [*result.episodes, *result.quarantined]

    async def collect(self) -> tuple[list[Group], Collected]:
        """Play groups; under dynamic sampling, until enough of them have rewards that differ.

        The sampler observes every group, those without training too.
        """
        taken: set[str] = set()

        async def round_of(count: int, number: int) -> tuple[RolloutResult, list[Group]]:
            result = await self.play(count, number, taken)
            groups = as_groups(result.episodes)
            check_played(groups)
            self.config.sampler.observe(groups)
            return result, groups

        return await collect(round_of, self.config.rollout)

    async def play(self, count: int, number: int, taken: set[str]) -> RolloutResult:
        """Play one round of `count` groups on tasks outside `taken`, and add those tasks to it."""
        config = self.config
        seed = f"{config.seed}:{self.step_number}:{number}"
        tasks = config.sampler.draw(self.source, count, seed, taken)
        taken.update(task.key for task in tasks)
        starts = [
            Start(
                seed=derive_seed(seed, i, bits=48),
                task=task,
                group=f"{self.step_number}.{number}.{i}",
                member=member,
            )
            for i, task in enumerate(tasks)
            for member in range(config.rollout.group_size)
        ]

        async def play(starts: Sequence[Start]) -> RolloutResult:
            result = await self.rollout.run(starts, self.agent)
            if result.stopped:
                raise Fault(result.stopped, "budget")
            return result

        return await config.guidance.play(starts, play)

    def learn(self, batch: list[Sample]) -> dict[str, float]:
        """Run one optimiser step on a batch, of the policy and of the critic if any."""
        learner, critic = self.config.learner, self.critic
        weights = self.config.batching.weights(batch, learner.denominator, learner.constant)
        rows = train_rows(batch, weights)
        decay = learner.decay(self.step_number)
        if critic is None:
            return self._improve(rows)
        if self.step_number < critic.settings.warmup:
            return critic.update(rows, decay)
        if not critic.shares:
            return self._improve(rows) | critic.update(rows, decay)
        if not critic.start(rows):
            return self._improve(rows)
        return self._improve(rows, critic.term) | critic.step(decay)

    def _improve(self, rows: list[TrainRow], value: ValueTerm | None = None) -> dict[str, float]:
        """Run one optimiser step of the policy, on the rows with a gradient."""
        useful = rows if value else useful_rows(rows, self.config.losses)
        if not useful:
            return {}
        idle = self.critic.settings.warmup if self.critic else 0
        scale = self.config.learner.lr_scale(self.step_number, idle)
        return self.policy.update(useful, self.config.losses, self.reference, scale, value)

    async def warm_start(self, on_step: Any = None) -> None:
        """Train on demonstrations, then reset all that begins from the policy."""
        warm = self.config.warm_start
        episodes = await demonstrations(self.config, self.chat)
        imitate(self._policy(warm.lr), episodes, warm, self.config.seed, on_step)
        self.reset_from_policy()

    def reset_from_policy(self) -> None:
        """Copy the policy's current weights into the reference, the critic and the engine."""
        if self.reference is not None:
            self.reference.load_state_dict(self.model.state_dict())
        if self.critic is not None:
            self.critic.reset_from_policy(self.model)
        self.agent.engine.update_weights()

    async def evaluate(
        self, on_episode: Callable[[Episode], None] | None = None
    ) -> tuple[Scores, list[Episode]]:
        """Evaluate on held-out tasks; return the scores and the episodes."""
        settings = self.config.evaluation
        agent = self._agent(settings.temperature)
        rollout = self._rollout(**settings.env) if settings.env else self.rollout
        try:
            async with make_env(self.config, **settings.env) as env:
                tasks = pick_tasks(env.tasks(settings.split), settings.tasks)
                scores, result = await evaluate(
                    rollout, agent, tasks, settings.samples, self.config.seed, on_episode
                )
        finally:
            await agent.close()
            if rollout is not self.rollout:
                await rollout.close()
        return scores, [*result.episodes, *result.quarantined]

    async def close(self) -> None:
        """Release environments and the engine."""
        await self.agent.close()
        await self.rollout.close()
        await self.env.close()

    def _rollout(self, **changes: Any) -> Rollout:
        config, roll = self.config, self.config.rollout
        limits = Limits(concurrency=roll.concurrency, retries=roll.retries)
        return Rollout(lambda: make_env(config, **changes), limits)

    def _agent(self, temperature: float) -> LocalAgent:
        roll = self.config.rollout
        params = SamplingParams(max_tokens=roll.max_tokens_per_turn, temperature=temperature)
        return LocalAgent(
            self.model,
            self.chat,
            params,
            max_rows=roll.concurrency,
            deterministic=roll.deterministic,
            patience_s=roll.batch_wait_s,
        )

    def _policy(self, lr: float) -> Policy:
        learner = self.config.learner
        return Policy(
            self.model,
            lr=lr,
            weight_decay=learner.weight_decay,
            grad_clip=learner.grad_clip,
            micro_tokens=learner.micro_batch_tokens,
            temperature=self.config.rollout.temperature,
            packing=learner.packing,
        )

    def _critic(self, settings: CriticSection) -> Critic:
        learner = self.config.learner
        return Critic(
            self.model,
            settings,
            grad_clip=learner.grad_clip,
            micro_tokens=learner.micro_batch_tokens,
            packing=learner.packing,
        )


def as_groups(episodes: Sequence[Episode]) -> list[Group]:
    """Samples by group, in order; each seat's trajectories form a group of their own."""
    groups: dict[tuple[str, str], Group] = {}
    for episode in episodes:
        for seat, trajectory in episode.trajectories.items():
            if trajectory.turns:
                groups.setdefault((episode.group, seat), []).append(Sample(episode, trajectory))
    return list(groups.values())
