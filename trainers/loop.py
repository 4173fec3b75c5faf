"""Training loop: draw tasks, play them, credit, learn; it reads like the papers' pseudo-code."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from envgym.task import Task
from envgym.trainers.build import build_parts, build_policy, build_rollout, make_env
from envgym.trainers.collection.dynamic_sampling import Collected
from envgym.trainers.collection.samples import Group, Sample, as_groups
from envgym.trainers.config import Config
from envgym.trainers.derive import Tools
from envgym.trainers.learner.critic import explained_variance
from envgym.trainers.learner.policy import ValueTerm
from envgym.trainers.learner.rows import TrainRow, train_rows
from envgym.trainers.losses.base import check_roles, loss_weights, useful_rows
from envgym.trainers.rewards.probes import score_probes
from envgym.trainers.running import metrics as measure
from envgym.trainers.running.evaluate import Scores, evaluate, pick_tasks
from envgym.trainers.running.sanity_checks import check_advantages, check_rewards, nothing_learnt
from envgym.trainers.running.warm_start import demonstrations, imitate
from envgym.trajectory import Episode

__all__ = ["Trainer", "as_groups"]


class Trainer:
    """Parts of one run and its loop: `step` is one iteration, and `run.train` calls it.

    Args:
        resumed: Whether a checkpoint's state will follow, so that the sampler chooses no tasks yet.

    Attributes:
        step_number: Number of reinforcement-learning steps done.
        sampled_tokens: Number of tokens that the policy sampled in these steps.
        idle_steps: Number of consecutive last steps with nothing to learn from.
        plugin_states: States of the plug-ins after the last whole step, by their place.
    """

    def __init__(self, config: Config, *, resumed: bool = False) -> None:
        # Plug-ins remember: another run of the same config begins without what this one kept.
        self.config = config = config.model_copy(deep=True)
        if config.torch_threads:
            torch.set_num_threads(config.torch_threads)
        self._parts = parts = build_parts(config, resumed)
        self.env, self.rollout, self.chat, self.model = (
            parts.env,
            parts.rollout,
            parts.chat,
            parts.model,
        )
        self.collector = parts.collector
        self.agent = parts.agent
        self.policy, self.scorer = parts.policy, parts.scorer
        self.reference, self.critic = parts.scorer.reference, parts.scorer.critic
        self.step_number = 0
        self.sampled_tokens = 0
        self.idle_steps = 0
        self._arguments = config.env.arguments()
        self.keep_plugin_states()

    async def start(self) -> None:
        """Let every agent check what it needs, before any work."""
        for agent in self._parts.agents:
            await agent.start()

    @property
    def done(self) -> bool:
        """Flag that the last step is done, or that the tokens of training are spent."""
        learner = self.config.learner
        most = learner.max_sampled_tokens
        return self.step_number >= learner.steps or (most or math.inf) <= self.sampled_tokens

    @property
    def context_limit(self) -> int:
        """Maximum number of tokens of a context and its answer."""
        own = getattr(self.model.config, "max_position_embeddings", None) or math.inf
        return int(min(self.config.rollout.max_context or own, own, 1 << 20))

    @property
    def source(self) -> Sequence[Task]:
        """Training tasks."""
        return self.collector.source

    async def step(self) -> tuple[dict[str, float], list[Episode]]:
        """Run one step; return its metrics and the episodes played."""
        config = self.config
        began, counted = time.monotonic(), self.agent.counters
        player = self.collector.player
        spent = player.sampled_tokens
        await self._follow_schedule()
        groups, result = await self.collector.collect(self.step_number)
        await self.agent.free_memory()
        played = time.monotonic()
        groups = await self.derive(groups)
        samples = [sample for group in groups for sample in group]
        self.reward(groups)
        self.credit(groups)
        batches = list(config.batching(groups, f"{config.seed}:{self.step_number}"))
        learnt = [sample for batch in batches for sample in batch]
        check_roles(learnt, config.losses)
        for name in sorted({name for loss in config.losses for name in loss.needs}):
            readers = [loss for loss in config.losses if name in loss.needs]
            read = [sample for sample in learnt if any(loss.reads(sample) for loss in readers)]
            self.scorer.add([name], read)
        for sample in samples:
            sample.record_target_logprobs()
        updates = [self.learn(batch) for batch in batches]
        self.idle_steps = 0 if any(updates) else self.idle_steps + 1
        if self.idle_steps > config.learner.max_idle_steps:
            raise nothing_learnt(groups, batches, config, self.step_number + 1)
        await self.agent.update_weights()
        self.step_number += 1
        self.sampled_tokens += player.sampled_tokens - spent
        self.keep_plugin_states()
        report = {
            **measure.of_groups(groups, result),
            **(result.metrics() if config.rollout.dynamic_rounds > 1 else {}),
            **{name: value for made in config.derive for name, value in made.report().items()},
            **config.advantage.report(),
            **config.batching.report(),
            **config.sampler.report(),
            **config.env.report(self.step_number - 1),
            **measure.mean(updates),
            **({"critic/explained_variance": explained_variance(samples)} if self.critic else {}),
            **measure.time_split(result),
            **{name: now - counted[name] for name, now in self.agent.counters.items()},
            "rollout/sampled_tokens": float(self.sampled_tokens),
            "time/rollout_s": played - began,
            "time/learn_s": time.monotonic() - played,
        }
        return report, [*result.episodes, *result.quarantined]

    async def _follow_schedule(self) -> None:
        """Make environments anew, where the step has other arguments than those there are."""
        step = self.step_number
        arguments = self.config.env.arguments(step)
        if arguments == self._arguments:
            return
        env = make_env(self.config, step)
        await self.rollout.remake(partial(make_env, self.config, step))
        await self.env.close()
        self.env, self._arguments = env, arguments
        self.collector.source = env.tasks("train")

    async def collect(self) -> tuple[list[Group], Collected]:
        """Play the groups of the next step."""
        return await self.collector.collect(self.step_number)

    async def derive(self, groups: list[Group]) -> list[Group]:
        """Let plug-ins make samples from those that were played."""
        tools = Tools(self.chat, self.scorer, self.agent, self._parts.judges)
        for plugin in self.config.derive:
            groups = await plugin(groups, tools)
        return groups

    def reward(self, groups: Sequence[Group]) -> None:
        """Set the rewards to train on."""
        samples = [sample for group in groups for sample in group]
        for reward in self.config.rewards:
            self.scorer.add(reward.needs, samples)
            score_probes(reward, samples, self.chat, self.scorer)
            reward(groups)
            check_rewards(groups, reward.name)

    def credit(self, groups: Sequence[Group]) -> None:
        """Set the advantages, of each seat and role apart, where a loss follows them.

        Groups that a derive plug-in gave advantages keep them.
        """
        config = self.config
        followed = {role for loss in config.losses if loss.improves for role in loss.roles}
        apart: dict[tuple[str, str], list[Group]] = {}
        for group in groups:
            if group[0].role in followed and not any(s.advantages for s in group):
                key = group[0].trajectory.seat, group[0].role
                apart.setdefault(key, []).append(group)
        for (seat, _), mine in apart.items():
            own = config.seats[seat].advantage if seat in config.seats else None
            advantage = own or config.advantage
            self.scorer.add(advantage.needs, [sample for group in mine for sample in group])
            advantage(mine)
            check_advantages(mine, advantage.name)
        for sample in (sample for group in groups for sample in group):
            sample.record_advantages()
            sample.skip |= config.learner.mask_truncated and sample.truncated

    def learn(self, batch: list[Sample]) -> dict[str, float]:
        """Run one optimiser step on a batch, of the policy and of the critic if any."""
        learner, critic = self.config.learner, self.critic
        weights = self.config.batching.weights(batch, learner.denominator, learner.constant)
        rows = train_rows(batch, weights)
        apart = loss_weights(self.config.losses, batch, self.config.batching, learner)
        decay = learner.decay(self.step_number)
        if critic is None:
            return self._improve(rows, apart)
        if self.step_number < critic.settings.warmup:
            return critic.update(rows, decay)
        if not critic.shares:
            return self._improve(rows, apart) | critic.update(rows, decay)
        if not critic.start(rows):
            return self._improve(rows, apart)
        return self._improve(rows, apart, critic.term) | critic.step(decay)

    def _improve(
        self,
        rows: list[TrainRow],
        weights: Sequence[Sequence[float]],
        value: ValueTerm | None = None,
    ) -> dict[str, float]:
        """Run one optimiser step of the policy, on the rows with a gradient."""
        useful = rows if value else useful_rows(rows, self.config.losses)
        if not useful:
            return {}
        scale = self.config.learner.lr_scale(self.step_number, self.policy.updates)
        return self.policy.update(useful, self.config.losses, scale, value, weights)

    async def warm_start(self, on_step: Any = None) -> None:
        """Train on demonstrations, then reset all that begins from the policy."""
        warm = self.config.warm_start
        episodes = await demonstrations(self.config, self.chat)
        policy = build_policy(self.config, self.policy.lm, warm.lr)
        imitate(policy, episodes, warm, self.config.seed, on_step)
        await self.reset_from_policy()

    async def reset_from_policy(self) -> None:
        """Copy the policy's current weights into the reference, the critic and the agent."""
        if self.reference is not None:
            self.reference.reset()
        if self.critic is not None:
            self.critic.reset_from_policy(self.policy.lm)
        await self.agent.update_weights()

    async def evaluate(
        self,
        on_episode: Callable[[Episode], None] | None = None,
        *,
        split: str | None = None,
    ) -> tuple[Scores, list[Episode]]:
        """Evaluate on held-out tasks, or on those of a split; return scores and episodes."""
        config, settings = self.config, self.config.evaluation
        agent = self.agent.with_temperature(settings.temperature)
        apart = settings.env or config.env.schedule
        rollout = build_rollout(config, None, **settings.env) if apart else self.rollout
        try:
            async with make_env(config, None, **settings.env) as env:
                tasks = pick_tasks(env.tasks(split or settings.split), settings.tasks)
                scores, result = await evaluate(
                    rollout, agent, tasks, settings.samples, config.seed, on_episode
                )
        finally:
            await agent.close()
            if rollout is not self.rollout:
                await rollout.close()
        return scores, [*result.episodes, *result.quarantined]

    def keep_plugin_states(self) -> None:
        """Remember the plug-ins' states, for checkpoints: a step that is cut changes none of it."""
        self.plugin_states = {
            place: copy.deepcopy(plugin.state()) for place, plugin in self.config.plugins().items()
        }

    async def close(self) -> None:
        """Release environments and agents."""
        for agent in self._parts.agents:
            await agent.close()
        await self.rollout.close()
        await self.env.close()
