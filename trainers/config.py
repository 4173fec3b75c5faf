"""A training run as data: pydantic models read from a YAML recipe, with dotted overrides.

Every field says what it is; what is wrong is reported with its path (``loss.0.low``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    model_validator,
)

from envgym.agents.tiny import CopyingPhase, TinyConfig
from envgym.errors import UsageError
from envgym.trainers.advantages import Advantage, Grpo
from envgym.trainers.batching import Composer, Shuffled
from envgym.trainers.guidance import Guidance, NoGuidance
from envgym.trainers.hooks import Hook
from envgym.trainers.losses import Clip, Loss
from envgym.trainers.plugin import entry
from envgym.trainers.rewards import EnvironmentReward, Reward
from envgym.trainers.samplers import Sampler, Uniform


class Section(BaseModel):
    """A part of a config: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class EnvSection(BaseModel):
    """The environment: its id, and whatever else its constructor takes."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(description="Registered id, or the ws:// address of a served one.")

    @property
    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return dict(self.model_extra or {})


class TinyModel(TinyConfig):
    """A tiny model made from nothing, its tokenizer trained on the environment's own text."""

    kind: Literal["tiny"] = "tiny"
    copying: CopyingPhase = Field(default_factory=CopyingPhase, description="First phase.")


class PretrainedModel(Section):
    """A model from a directory or a hub."""

    kind: Literal["pretrained"]
    path: str | None = Field(
        None, description="Directory or hub name; none takes the small one that comes with envgym."
    )
    dtype: Literal["float32", "bfloat16", "auto"] = Field("float32", description="Of the weights.")


class ChatSection(Section):
    """How messages become tokens."""

    dialect: str = Field(
        "hermes",
        description="How tool calls are written; 'auto' takes the form that the chat template "
        "shows.",
    )
    instructions: bool = Field(
        True,
        description="Whether the system message explains the tools; a model that has learnt "
        "the form needs no explanation.",
    )
    fold: str = Field(
        "off",
        description="off; auto folds messages of roles that the chat template lacks into user "
        "messages, and logs which; or some of system, tool, hint, to fold always.",
    )


class RolloutSection(Section):
    """How experience is gathered."""

    groups: int = Field(16, ge=1, description="Tasks a step.")
    group_size: int = Field(8, ge=1, description="Episodes a task.")
    max_tokens: int = Field(256, ge=1, description="Sampled tokens a turn.")
    temperature: float = Field(1.0, gt=0, description="Of sampling.")
    concurrency: int = Field(256, ge=1, description="Episodes in flight at once.")
    retries: int = Field(2, ge=0, description="Further tries after a fault.")
    patience_s: float = Field(
        1.0,
        ge=0,
        description="Seconds the local engine waits for episodes whose tools are running, so "
        "that batches do not depend on timing and a run can be repeated to the last bit; 0 "
        "goes on at once.",
    )
    dynamic_rounds: int = Field(
        1,
        ge=1,
        description="Rounds of rollouts a step may take to find groups whose rewards "
        "differ (DAPO's dynamic sampling); 1 keeps every group of the one round.",
    )
    dynamic_by: Literal["reward", "score"] = Field(
        "reward",
        description="What must differ within a group: the environment's rewards, or the scores "
        "alone, where shaping makes rewards differ that are equally right.",
    )


class WarmStart(Section):
    """Supervised learning from demonstrations, before reinforcement learning."""

    episodes: int = Field(
        512, ge=0, description="Episodes of the environment's oracle; 0 for recorded ones alone."
    )
    recorded: list[str] = Field(
        default_factory=list,
        description="Folders of saved episodes to imitate as well: a person's (`envgym play`), or "
        "another agent's.",
    )
    min_score: float = Field(1.0, ge=0, le=1, description="Of the recorded episodes taken.")
    steps: int = Field(100, ge=0, description="Optimiser steps.")
    rows: int = Field(64, ge=1, description="Episodes a step.")
    lr: float = Field(1e-3, gt=0, description="Peak learning rate.")
    env: dict[str, Any] = Field(
        default_factory=dict,
        description="Arguments of the environment that are others in the demonstrations, such as "
        "easier tasks.",
    )
    shares: dict[float, float] = Field(
        default_factory=dict,
        description="Share of the episodes by the difficulty of their task; empty takes tasks as "
        "they come.",
    )


class Learner(Section):
    """The optimiser."""

    steps: int = Field(100, ge=0, description="Steps of rollouts and learning.")
    lr: float = Field(1e-6, gt=0, description="Learning rate.")
    warmup: int = Field(
        0,
        ge=0,
        description="First steps over which the rate rises. Adam's first updates are signs: at "
        "full rate they can cost a small policy much of what it could do.",
    )
    lr_decay: Literal["constant", "linear"] = Field("constant", description="Over the steps.")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's.")
    grad_clip: float = Field(1.0, gt=0, description="Norm of the gradient.")
    micro_tokens: int = Field(16384, ge=1, description="Most tokens of one forward pass.")
    packing: bool = Field(
        True,
        description="Run rows without padding, and what they begin with in common once; models "
        "whose attention cannot be packed run padded.",
    )
    denominator: Literal["token", "sequence", "constant"] = Field(
        "token", description="What token losses are divided by; see losses.base.token_weights."
    )
    constant: float = Field(1024.0, gt=0, description="For the constant denominator.")
    idle_steps: int = Field(
        0,
        ge=0,
        description="Steps in a row that may find nothing to learn from (all rewards equal, say) "
        "before the run stops and says so.",
    )

    def lr_scale(self, step: int, idle: int = 0) -> float:
        """What `lr` is multiplied by at a step, counted from 0, after `idle` steps without it."""
        return self.decay(step) * min(1.0, (step - idle + 1) / (self.warmup + 1))

    def decay(self, step: int) -> float:
        """What becomes of rates over the steps."""
        return 1 - step / self.steps if self.lr_decay == "linear" and self.steps else 1.0


class CriticSection(Section):
    """What both kinds of critic have."""

    lr: float = Field(1e-5, gt=0, description="Learning rate of the critic's own weights.")
    clip: float | None = Field(
        0.2,
        gt=0,
        description="How far from its first estimate a step's updates may move a value before "
        "they lose their gradient, in units of the return; null for any distance.",
    )
    warmup: int = Field(
        0,
        ge=0,
        description="First steps, of the learner's, in which the critic alone learns: the policy "
        "is not moved by values that mean nothing yet.",
    )


class HeadCritic(CriticSection):
    """A linear head on the policy's own states: next to no memory, no forward pass of its own."""

    kind: Literal["head"]
    lr: float = Field(1e-3, gt=0, description="Learning rate of the head.")
    coef: float = Field(
        0.1,
        ge=0,
        description="Of the value loss in the gradient of the policy's layers; 0 leaves them to "
        "the policy.",
    )


class ModelCritic(CriticSection):
    """A model of its own, that begins as a copy of the policy after its warm start."""

    kind: Literal["model"]


class Evaluation(Section):
    """Evaluation on held-out tasks."""

    tasks: int = Field(256, ge=0, description="Tasks; 0 skips evaluation.")
    samples: int = Field(1, ge=1, description="Episodes a task; more give pass@k.")
    split: str = Field("test", description="Of the environment's tasks.")
    temperature: float = Field(0.0, ge=0, description="0 is greedy.")
    every: int = Field(0, ge=0, description="Also every so many steps; 0 for never.")
    env: dict[str, Any] = Field(
        default_factory=dict,
        description="Arguments of the environment that are others in evaluation, such as tasks "
        "harder than any trained on; their scores stand by difficulty.",
    )


class Config(Section):
    """One run."""

    name: str = Field(description="Names the run's folder.")
    seed: int = Field(0, description="Of everything.")
    threads: int = Field(0, ge=0, description="CPU threads of torch; 0 leaves it alone.")
    output: str | None = Field(None, description="Run folder; runs/NAME by default.")
    checkpoint_every: int = Field(20, ge=0, description="Steps between checkpoints.")
    env: EnvSection
    model: Annotated[TinyModel | PretrainedModel, Field(discriminator="kind")]
    chat: ChatSection = Field(default_factory=ChatSection)
    rollout: RolloutSection = Field(default_factory=RolloutSection)
    warm_start: WarmStart = Field(default_factory=lambda: WarmStart(episodes=0, steps=0))
    learner: Learner = Field(default_factory=Learner)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    sampler: Annotated[SerializeAsAny[Sampler], entry("sampler")] = Field(default_factory=Uniform)
    guidance: Annotated[SerializeAsAny[Guidance], entry("guidance")] = Field(
        default_factory=NoGuidance
    )
    rewards: list[Annotated[SerializeAsAny[Reward], entry("reward")]] = Field(
        default_factory=lambda: list[Reward]([EnvironmentReward()])
    )
    advantage: Annotated[SerializeAsAny[Advantage], entry("advantage")] = Field(
        default_factory=Grpo
    )
    critic: Annotated[HeadCritic | ModelCritic, Field(discriminator="kind")] | None = Field(
        None, validate_default=True, description="For advantages that need values; null for none."
    )
    losses: list[Annotated[SerializeAsAny[Loss], entry("loss")]] = Field(
        default_factory=lambda: list[Loss]([Clip()])
    )
    composer: Annotated[SerializeAsAny[Composer], entry("composer")] = Field(
        default_factory=Shuffled
    )
    hooks: list[Annotated[SerializeAsAny[Hook], entry("hook")]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _together(self) -> Config:
        check_conflicts(self)
        return self

    @property
    def directory(self) -> Path:
        """The run's folder."""
        return Path(self.output or f"runs/{self.name}")


def check_conflicts(config: Config) -> None:
    """See that the plug-ins of a run go together.

    Raises:
        UsageError: One says that it does not go with another, or with a setting.
    """
    if config.rollout.dynamic_rounds > 1 and config.rollout.group_size == 1:
        raise UsageError(
            "rollout.dynamic_rounds looks for groups whose rewards differ, and groups of one have "
            "none: set rollout.group_size to 2 or more, or dynamic_rounds to 1"
        )
    chosen = [
        ("sampler", config.sampler),
        ("guidance", config.guidance),
        *((f"rewards.{i}", reward) for i, reward in enumerate(config.rewards)),
        ("advantage", config.advantage),
        *((f"losses.{i}", loss) for i, loss in enumerate(config.losses)),
        ("composer", config.composer),
        *((f"hooks.{i}", hook) for i, hook in enumerate(config.hooks)),
    ]
    for place, plugin in chosen:
        if conflict := plugin.conflict(config):
            raise UsageError(f"{place} {plugin.name!r}: {conflict}")
