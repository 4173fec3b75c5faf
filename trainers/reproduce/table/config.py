"""Settings of a table run: a training recipe whose policy is a table.

The sections of a recipe that a table has no use for are refused, not ignored.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SerializeAsAny, model_validator

from envgym.errors import UsageError
from envgym.trainers.advantages import Advantage, Grpo
from envgym.trainers.batching import Batching, Shuffled
from envgym.trainers.config_sections import (
    Evaluation,
    Learner,
    RolloutSection,
    Section,
)
from envgym.trainers.env_section import EnvSection
from envgym.trainers.guidance import Guidance, NoGuidance
from envgym.trainers.losses import Clip, Dpo, Loss
from envgym.trainers.plugin import Plugin, entry
from envgym.trainers.rewards import EnvironmentReward, Reward
from envgym.trainers.samplers import Sampler, Uniform

_USED = {
    "rollout": {"tasks_per_step", "group_size"},
    "evaluation": {"interval"},
    "learner": set(Learner.model_fields) - {"packing", "micro_batch_tokens", "mask_truncated"},
}
"""Fields of shared sections that a table run reads."""
_NEEDS_TEXT = {"cog_rethinker", "intervention", "ssb", "teacher"}
"""Guidance that needs text, judges or the tokens of whole actions, which a table has not."""


class EnvironmentWorld(Section):
    """One task of a registered environment that names its states."""

    kind: Literal["environment"]
    env: EnvSection = Field(
        description="Environment and its arguments; its first training task is played."
    )
    actions: list[str] = Field(
        min_length=2, description="Actions, such as 'take key=gold': a tool and its arguments."
    )
    chance: float = Field(
        gt=0, lt=1, description="Probability of the preferred actions in the starting policy."
    )
    preferred: dict[str, str] = Field(
        description="Regular expression of states' names to that of the actions that share "
        "`chance` there; the first match counts, the other actions share the rest."
    )
    play: Literal["machine", "environment"] = Field(
        "machine",
        description="Where episodes are played: in the state machine that was extracted from the "
        "environment, or, slower and to the same episodes, in the environment by a rollout.",
    )

    @model_validator(mode="after")
    def _patterns(self) -> EnvironmentWorld:
        if self.env.schedule:
            raise ValueError("env.schedule does nothing for a table: leave it out")
        for pattern in (*self.preferred, *self.preferred.values()):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return self


class WaysWorld(Section):
    """One choice among many ways: every good way solves the training task, some solve each test
    task.

    All tasks share the table, as tasks share a model's weights.
    """

    kind: Literal["ways"]
    ways: int = Field(40, ge=2, description="Number of ways.")
    good: int = Field(12, ge=1, description="Number of ways that solve the training task.")
    tasks: int = Field(1000, ge=1, description="Number of test tasks.")
    good_solves: float = Field(
        0.5, ge=0, le=1, description="Probability that a good way solves a test task."
    )
    bad_solves: float = Field(
        0.02, ge=0, le=1, description="Probability that another way solves a test task."
    )
    bias: float = Field(1.6, description="Mean starting logit of good ways; that of others is 0.")
    spread: float = Field(0.5, ge=0, description="Standard deviation of starting logits.")


Chance = Annotated[float, Field(gt=0, lt=1)]


class ChainWorld(Section):
    """Chains of skills: each turn faces a task's next skill; a wrong action ends the episode.

    All tasks share the skills, as tasks share a model's weights: success at a chain is the product
    of the probabilities of its skills' right actions. With `slack`, a wrong action costs a turn
    first.
    """

    kind: Literal["chain"]
    skills: int = Field(12, ge=1, description="Number of skills, the states of the table.")
    actions: int = Field(4, ge=2, description="Number of actions per skill; one is right.")
    chains: list[list[int]] = Field(
        default_factory=list,
        description="Skills of each training task, in order, counted from 0; empty draws them.",
    )
    test_chains: list[list[int]] = Field(
        default_factory=list, description="Skills of each test task; empty draws them."
    )
    lengths: list[int] = Field(
        default_factory=list, description="Numbers of skills of the tasks that are drawn, in turn."
    )
    tasks: int = Field(1, ge=1, description="Number of training tasks that are drawn.")
    test_tasks: int = Field(200, ge=1, description="Number of test tasks that are drawn.")
    unsolvable: float = Field(
        0.0, ge=0, lt=1, description="Share of the training tasks that no episode solves."
    )
    slack: int = Field(
        0,
        ge=0,
        description="Number of wrong actions that an episode survives: each leaves it where it is.",
    )
    fatal: list[int] = Field(
        default_factory=list,
        description="Skills at which a wrong action ends the episode in spite of slack.",
    )
    chance: Chance | list[Chance] = Field(
        description="Probability of the right action in the starting policy, of all skills or of "
        "each."
    )
    hints: int = Field(2, ge=1, description="Number of hints per task, on equal parts of it.")
    conflicting: int = Field(
        0,
        ge=0,
        description="Number of each task's first hints that also tell one wrong action, the same, "
        "of its last skill: together they mislead.",
    )
    hint_strength: float = Field(
        3.0, ge=0, description="Amount, in nats, that a hint adds to the logit of its action."
    )

    @model_validator(mode="after")
    def _fit(self) -> ChainWorld:
        if not all(1 <= length <= self.skills for length in self.lengths):
            raise ValueError(f"lengths must be between 1 and skills ({self.skills})")
        if not (self.lengths or (self.chains and self.test_chains)):
            raise ValueError("give lengths to draw tasks of, or chains and test_chains")
        for chain in (*self.chains, *self.test_chains, self.fatal):
            if len(set(chain)) < len(chain) or not all(0 <= i < self.skills for i in chain):
                raise ValueError(f"{chain} must hold different skills from 0 to {self.skills - 1}")
        if not all((*self.chains, *self.test_chains)):
            raise ValueError("a chain needs a skill")
        if isinstance(self.chance, list) and len(self.chance) != self.skills:
            raise ValueError(f"chance lists {len(self.chance)} skills of {self.skills}")
        return self


class TableCritic(Section):
    """Critic that keeps one value per state."""

    kind: Literal["table"]
    rate: float = Field(
        0.3, gt=0, le=1, description="Share of the way that each target moves its state's value."
    )


class TableConfig(Section):
    """Settings of one table run; the sections are those of a training recipe."""

    name: str = Field(description="Name of the run.")
    seed: int = Field(0, description="Seed of every random generator in the run.")
    output: str | None = Field(None, description="Path of the run's folder; null is runs/NAME.")
    world: Annotated[EnvironmentWorld | WaysWorld | ChainWorld, Field(discriminator="kind")] = (
        Field(description="States, actions and starting policy of the table.")
    )
    sampler: Annotated[SerializeAsAny[Sampler], entry("sampler")] = Field(
        default_factory=Uniform, description="Plug-in that draws the tasks of each step."
    )
    guidance: Annotated[SerializeAsAny[Guidance], entry("guidance")] = Field(
        default_factory=NoGuidance,
        description="Plug-in that plays the episodes of each step, with hints or without.",
    )
    rollout: RolloutSection = Field(
        default_factory=RolloutSection, description="Number of groups and their size."
    )
    learner: Learner = Field(default_factory=Learner, description="Optimiser of the table.")
    evaluation: Evaluation = Field(
        default_factory=Evaluation, description="Steps between exact evaluations."
    )
    episodes_every: int = Field(
        0, ge=0, description="Number of steps between recorded steps of episodes; 0 records none."
    )
    rewards: list[Annotated[SerializeAsAny[Reward], entry("reward")]] = Field(
        default_factory=lambda: list[Reward]([EnvironmentReward()]),
        min_length=1,
        description="Plug-ins whose rewards add up to the reward that a sample is trained on.",
    )
    advantage: Annotated[SerializeAsAny[Advantage], entry("advantage")] = Field(
        default_factory=Grpo, description="Plug-in that computes the advantage of each action."
    )
    critic: TableCritic | None = Field(
        None, description="Critic for advantages that need values; null trains none."
    )
    losses: list[Annotated[SerializeAsAny[Loss], entry("loss")]] = Field(
        default_factory=lambda: list[Loss]([Clip()]),
        min_length=1,
        description="Plug-ins whose weighted losses add up to the policy's loss.",
    )
    batching: Annotated[SerializeAsAny[Batching], entry("batching")] = Field(
        default_factory=Shuffled,
        description="Plug-in that cuts a step's samples into batches, one per optimiser step.",
    )

    @model_validator(mode="after")
    def _together(self) -> TableConfig:
        for section, used in _USED.items():
            if unused := sorted(getattr(self, section).model_fields_set - used):
                raise UsageError(f"{section}.{unused[0]} does nothing for a table: leave it out")
        plugins: list[Plugin] = [
            self.sampler,
            self.guidance,
            *self.rewards,
            self.advantage,
            *self.losses,
            self.batching,
        ]
        if self.guidance.name != "none" and not isinstance(self.world, ChainWorld):
            raise UsageError(f"guidance {self.guidance.name!r} needs a world of kind chain")
        if self.guidance.name in _NEEDS_TEXT:
            raise UsageError(
                f"guidance {self.guidance.name!r} works on the text of attempts, which a table has "
                "not: take one that shows hints, such as guide, or train a model"
            )
        data = {"value", "prox_logp", "ref_logp"}
        for plugin in plugins:
            if lacking := sorted(plugin.needs - data):
                raise UsageError(f"{plugin.name!r} needs {lacking[0]}, which a table has not")
            if isinstance(plugin, Dpo):
                raise UsageError(f"{plugin.name!r} needs pairs, which a table does not make")
            if conflict := plugin.conflict(self):
                raise UsageError(f"{plugin.point} {plugin.name!r}: {conflict}")
        return self

    @property
    def directory(self) -> Path:
        """Path of the run's folder."""
        return Path(self.output or f"runs/{self.name}")
