"""A training run as data: pydantic models read from a YAML recipe, with dotted overrides.

Every field has a description. An error names the path of the wrong field (``losses.0.low``). The
former name of a renamed field is an alias for one release; `trainers.former_names` lists them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, SerializeAsAny, model_validator

from envgym.errors import UsageError
from envgym.trainers.advantages import Advantage, Grpo
from envgym.trainers.agents import AgentPlugin, Local
from envgym.trainers.batching import Batching, Shuffled
from envgym.trainers.config_sections import (
    ChatSection,
    CriticSection,
    Evaluation,
    HeadCritic,
    Learner,
    ModelCritic,
    RolloutSection,
    Section,
    WarmStart,
)
from envgym.trainers.derive import Derive
from envgym.trainers.env_section import EnvSection
from envgym.trainers.guidance import Guidance, NoGuidance
from envgym.trainers.hooks import Hook
from envgym.trainers.losses import Clip, Loss
from envgym.trainers.model_section import LoraSection, PretrainedModel, TinyModel
from envgym.trainers.plugin import Plugin, entry
from envgym.trainers.rewards import EnvironmentReward, Reward
from envgym.trainers.samplers import Sampler, Uniform

__all__ = [
    "ChatSection",
    "Config",
    "CriticSection",
    "EnvSection",
    "Evaluation",
    "HeadCritic",
    "Learner",
    "LoraSection",
    "ModelCritic",
    "PretrainedModel",
    "RolloutSection",
    "Seat",
    "Section",
    "TinyModel",
    "WarmStart",
    "check_conflicts",
]

AgentEntry = Annotated[SerializeAsAny[AgentPlugin], entry("agent")]
AdvantageEntry = Annotated[SerializeAsAny[Advantage], entry("advantage")]


class Seat(Section):
    """Seat of a multi-agent environment: who plays it, and whether it is trained."""

    agent: AgentEntry | None = Field(
        None, description="Plug-in that plays the seat; null lets the policy play it."
    )
    train: bool = Field(True, description="Whether the policy learns from the seat's turns.")
    advantage: AdvantageEntry | None = Field(
        None, description="Plug-in that credits the seat's tokens; null takes the run's."
    )


class Config(Section):
    """Settings of one training run."""

    name: str = Field(description="Name of the run and of its folder.")
    seed: int = Field(0, description="Seed of every random generator in the run.")
    torch_threads: int = Field(
        0,
        ge=0,
        validation_alias=AliasChoices("torch_threads", "threads"),
        description="Number of CPU threads that torch uses; 0 keeps torch's default.",
    )
    output: str | None = Field(None, description="Path of the run's folder; null is runs/NAME.")
    checkpoint_every: int = Field(
        20, ge=0, description="Number of steps between checkpoints; 0 keeps first and last alone."
    )
    episodes_every: int = Field(
        10,
        ge=1,
        description="Number of steps between steps whose episodes are written to the run's folder; "
        "those of the first are, too. Samplers that read a finished run need every step: 1.",
    )
    env: EnvSection = Field(description="Environment to train on: its id and its arguments.")
    model: Annotated[TinyModel | PretrainedModel, Field(discriminator="kind")] = Field(
        description="Model to train: a tiny one with random weights, or a pretrained one."
    )
    chat: ChatSection = Field(
        default_factory=ChatSection, description="Rendering of messages as tokens."
    )
    rollout: RolloutSection = Field(
        default_factory=RolloutSection, description="Collection of episodes for each step."
    )
    warm_start: WarmStart = Field(
        default_factory=lambda: WarmStart(episodes=0, steps=0),
        description="Supervised learning from demonstrations before the first step.",
    )
    agent: AgentEntry = Field(
        default_factory=Local, description="Plug-in that samples from the policy."
    )
    seats: dict[str, Seat] = Field(
        default_factory=dict,
        description="Settings of seats by name; a seat without any is the policy's and trained.",
    )
    judges: dict[str, AgentEntry] = Field(
        default_factory=dict,
        description="Agents that guidance and derive plug-ins may ask, by name.",
    )
    learner: Learner = Field(default_factory=Learner, description="Optimiser of the policy.")
    evaluation: Evaluation = Field(
        default_factory=Evaluation, description="Evaluation on held-out tasks."
    )
    sampler: Annotated[SerializeAsAny[Sampler], entry("sampler")] = Field(
        default_factory=Uniform, description="Plug-in that draws the tasks of each step."
    )
    guidance: Annotated[SerializeAsAny[Guidance], entry("guidance")] = Field(
        default_factory=NoGuidance,
        description="Plug-in that plays the episodes of each step, with hints or without.",
    )
    derive: list[Annotated[SerializeAsAny[Derive], entry("derive")]] = Field(
        default_factory=list,
        description="Plug-ins that make further samples from those played, before rewards.",
    )
    rewards: list[Annotated[SerializeAsAny[Reward], entry("reward")]] = Field(
        default_factory=lambda: list[Reward]([EnvironmentReward()]),
        description="Plug-ins whose rewards add up to the reward that a sample is trained on.",
    )
    advantage: Annotated[SerializeAsAny[Advantage], entry("advantage")] = Field(
        default_factory=Grpo,
        description="Plug-in that computes the advantage of each action token.",
    )
    critic: Annotated[HeadCritic | ModelCritic, Field(discriminator="kind")] | None = Field(
        None,
        validate_default=True,
        description="Critic for advantages that need values; null trains none.",
    )
    losses: list[Annotated[SerializeAsAny[Loss], entry("loss")]] = Field(
        default_factory=lambda: list[Loss]([Clip()]),
        description="Plug-ins whose weighted per-token losses add up to the policy's loss.",
    )
    batching: Annotated[SerializeAsAny[Batching], entry("batching")] = Field(
        default_factory=Shuffled,
        validation_alias=AliasChoices("batching", "composer"),
        description="Plug-in that cuts a step's samples into batches, one per optimiser step.",
    )
    hooks: list[Annotated[SerializeAsAny[Hook], entry("hook")]] = Field(
        default_factory=list, description="Plug-ins called at the start, each step and the end."
    )

    @model_validator(mode="after")
    def _together(self) -> Config:
        check_conflicts(self)
        return self

    def plugins(self) -> dict[str, Plugin]:
        """All plug-ins of the run by their place in the config, such as ``rewards.0``."""
        alone = {
            "agent": self.agent,
            "sampler": self.sampler,
            "guidance": self.guidance,
            "advantage": self.advantage,
            "batching": self.batching,
        }
        lists: dict[str, Sequence[Plugin]] = {
            "derive": self.derive,
            "rewards": self.rewards,
            "losses": self.losses,
            "hooks": self.hooks,
        }
        return {
            **alone,
            **{f"{name}.{i}": p for name, found in lists.items() for i, p in enumerate(found)},
            **{f"judges.{name}": judge for name, judge in self.judges.items()},
            **{f"seats.{n}.agent": s.agent for n, s in self.seats.items() if s.agent},
            **{f"seats.{n}.advantage": s.advantage for n, s in self.seats.items() if s.advantage},
        }

    @property
    def composer(self) -> Batching:
        """`batching` under its former name, for one release."""
        return self.batching

    @property
    def directory(self) -> Path:
        """Path of the run's folder."""
        return Path(self.output or f"runs/{self.name}")


def check_conflicts(config: Config) -> None:
    """See that the settings and the plug-ins of a run go together.

    Raises:
        UsageError: A list has no entry, settings contradict each other, or a plug-in says that it
            does not go with another one or with a setting.
    """
    for name in ("rewards", "losses"):
        if not getattr(config, name):
            raise UsageError(
                f"{name}: an empty list leaves nothing to learn from: name one, or leave the field "
                "out for the default"
            )
    evaluation = config.evaluation
    if evaluation.samples > 1 and evaluation.temperature == 0:
        raise UsageError(
            f"evaluation.samples: {evaluation.samples} episodes of a task are equal at temperature "
            "0: set evaluation.temperature to 1, say, or evaluation.samples to 1"
        )
    if config.rollout.dynamic_rounds > 1 and config.rollout.group_size == 1:
        raise UsageError(
            "rollout.dynamic_rounds looks for groups whose rewards differ, and groups of one have "
            "none: set rollout.group_size to 2 or more, or dynamic_rounds to 1"
        )
    warm = config.warm_start
    if warm.hinted and warm.steps and not warm.episodes:
        raise UsageError(
            "warm_start.hinted shows hints in the oracle's episodes, and warm_start.episodes is 0: "
            "set episodes to 1 or more, or hinted to 0"
        )
    model = config.model
    if isinstance(model, TinyModel) and model.lora is not None and model.copying.steps:
        raise UsageError(
            "model.copying trains all of the model's weights, and model.lora leaves them as they "
            "are: set model.copying.steps to 0, or leave model.lora out"
        )
    learner = config.learner
    if learner.lr_decay == "linear" and learner.max_sampled_tokens is not None:
        raise UsageError(
            "learner.lr_decay: linear falls over learner.steps, and learner.max_sampled_tokens "
            "ends the run before them, at a rate that has hardly fallen: set lr_decay to constant, "
            "or leave max_sampled_tokens out"
        )
    others: dict[str, Plugin] = {
        f"seats.{name}.agent": seat.agent
        for name, seat in config.seats.items()
        if seat.agent is not None
    }
    others |= {f"judges.{name}": judge for name, judge in config.judges.items()}
    for place, plugin in (config.plugins() | others).items():
        if conflict := plugin.conflict(config):
            raise UsageError(f"{place} {plugin.name!r}: {conflict}")
