"""Experience collector: draws a step's tasks, plays them with guidance, keeps useful groups."""

from __future__ import annotations

from collections.abc import Sequence

from envgym.rollout.runner import RolloutResult, Start
from envgym.task import Task
from envgym.trainers.collection.dynamic_sampling import Collected, collect
from envgym.trainers.collection.player import Player
from envgym.trainers.collection.samples import Group, as_groups, of_policy
from envgym.trainers.config_sections import RolloutSection
from envgym.trainers.guidance import Guidance
from envgym.trainers.running.sanity_checks import check_played
from envgym.trainers.samplers import Sampler
from envgym.utils.seeds import derive_seed


class Collector:
    """Collects the groups of one step after another.

    Args:
        player: Plays starts.
        source: Training tasks.
        sampler: Draws tasks; it observes the policy's own groups, those without training too.
        guidance: Plays the starts of a round, with hints or without.
        seed: The run's seed.
        untrained: Seats whose trajectories are not trained on.
    """

    def __init__(
        self,
        player: Player,
        source: Sequence[Task],
        sampler: Sampler,
        guidance: Guidance,
        settings: RolloutSection,
        seed: int,
        untrained: frozenset[str] = frozenset(),
    ) -> None:
        self.player = player
        self.source = source
        self.sampler = sampler
        self.guidance = guidance
        self.settings = settings
        self.seed = seed
        self.untrained = untrained
        self._step = 0
        self._taken: set[str] = set()

    async def collect(self, step: int) -> tuple[list[Group], Collected]:
        """Play the groups of a step; under dynamic sampling, until enough have rewards that differ.

        Raises:
            Fault: All episodes broke, or a budget is spent.
            TrainingError: No group has rewards that differ, or a number is not finite.
        """
        self._step, self._taken = step, set()
        self.player.step = step
        return await collect(self._round, self.settings)

    async def _round(self, count: int, number: int) -> tuple[RolloutResult, list[Group]]:
        result = await self.guidance.play(self.starts(count, number), self.player)
        groups = [
            group
            for group in as_groups(result.episodes, self.untrained)
            if group[0].role not in self.guidance.untrained
        ]
        check_played(groups)
        self.sampler.observe(of_policy(groups))
        return result, groups

    def starts(self, count: int, number: int) -> list[Start]:
        """Starts of a round: groups on tasks that the step has not played yet."""
        seed = f"{self.seed}:{self._step}:{number}"
        tasks = self.sampler.draw(self.source, count, seed, self._taken)
        self._taken.update(task.key for task in tasks)
        members = self.sampler.group_size(self.settings.group_size)
        return [
            Start(
                seed=derive_seed(seed, i, bits=48),
                task=task,
                group=f"{self._step}.{number}.{i}",
                member=member,
            )
            for i, task in enumerate(tasks)
            for member in range(members)
        ]
