"""A training run as data: pydantic models read from a YAML recipe, with dotted overrides.

Every field has a description. An error names the path of the wrong field (``losses.0.low``). The
former name of a renamed field is an alias for one release; `trainers.former_names` lists them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    model_validator,
)

from envgym.agents.tiny import CopyingPhase, TinyConfig
from envgym.errors import UsageError
from envgym.trainers.advantages import Advantage, Grpo
from envgym.trainers.batching import Batching, Shuffled
from envgym.trainers.guidance import Guidance, NoGuidance
from envgym.trainers.hooks import Hook
from envgym.trainers.losses import Clip, Loss
from envgym.trainers.plugin import entry
from envgym.trainers.rewards import EnvironmentReward, Reward
from envgym.trainers.samplers import Sampler, Uniform


class Section(BaseModel):
    """Part of a config; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")


class EnvSection(BaseModel):
    """Environment of a run: its id and the arguments of its constructor."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(description="Registered id, or the ws:// address of a served environment.")

    @property
    def kwargs(self) -> dict[str, Any]:
        """Arguments of the environment's constructor."""
        return dict(self.model_extra or {})


class TinyModel(TinyConfig):
    """Tiny model with random weights; its tokenizer is trained on the environment's own text."""

    kind: Literal["tiny"] = "tiny"
    copying: CopyingPhase = Field(
        default_factory=CopyingPhase,
        description="Settings of the copying phase, which trains the model before the warm start.",
    )


class PretrainedModel(Section):
    """Pretrained model, loaded from a directory or from a model hub."""

    kind: Literal["pretrained"]
    path: str | None = Field(
        None,
        description="Directory or hub name of the model; null loads the small model that comes "
        "with envgym.",
    )
    dtype: Literal["float32", "bfloat16", "auto"] = Field(
        "float32", description="Number format of the weights; auto keeps the format on disk."
    )


class ChatSection(Section):
    """Rendering of messages as tokens."""

    dialect: str = Field(
        "hermes",
        description="Name of the dialect that writes and parses tool calls; 'auto' takes the form "
        "that the chat template shows.",
    )
    instructions: bool = Field(
        True,
        description="Whether the system message explains the tools; a model that has learnt "
        "the form needs no explanation.",
    )
    fold: str = Field(
        "off",
        description="Roles whose messages become user messages: off folds none; auto folds the "
        "roles that the chat template lacks, and logs them; or list some of system, tool, hint.",
    )


class RolloutSection(Section):
    """Collection of episodes for one step."""

    tasks_per_step: int = Field(
        16,
        ge=1,
        validation_alias=AliasChoices("tasks_per_step", "groups"),
        description="Number of tasks per step; each task is played by one group of episodes.",
    )
    group_size: int = Field(8, ge=1, description="Number of episodes per task.")
    max_tokens_per_turn: int = Field(
        256,
        ge=1,
        validation_alias=AliasChoices("max_tokens_per_turn", "max_tokens"),
        description="Maximum number of tokens that the policy samples per turn.",
    )
    temperature: float = Field(
        1.0, gt=0, description="Sampling temperature: the sampler divides the logits by it."
    )
    concurrency: int = Field(256, ge=1, description="Maximum number of episodes played at once.")
    retries: int = Field(2, ge=0, description="Number of further attempts after a fault.")
    batch_wait_s: float = Field(
        1.0,
        ge=0,
        validation_alias=AliasChoices("batch_wait_s", "patience_s"),
        description="Seconds the local engine waits for episodes whose tools are running, so "
        "that batches do not depend on timing and a run can be repeated to the last bit; 0 "
        "never waits.",
    )
    dynamic_rounds: int = Field(
        1,
        ge=1,
        description="Maximum number of rollout rounds per step to find groups whose rewards "
        "differ (DAPO's dynamic sampling); 1 plays one round and keeps every group.",
    )
    dynamic_by: Literal["reward", "score"] = Field(
        "reward",
        description="Quantity that must differ within a group to keep it: the environment's "
        "reward, or the score alone, where shaped rewards differ between equally right episodes.",
    )


class WarmStart(Section):
    """Supervised learning from demonstrations, before reinforcement learning."""

    episodes: int = Field(
        512,
        ge=0,
        description="Number of episodes that the environment's oracle plays; 0 uses recorded "
        "episodes alone.",
    )
    demo_dirs: list[str] = Field(
        default_factory=list,
        validation_alias=AliasChoices("demo_dirs", "recorded"),
        description="Folders of saved episodes to imitate as well: a person's (`envgym play`) or "
        "another agent's.",
    )
    min_score: float = Field(
        1.0, ge=0, le=1, description="Minimum score of a saved episode to imitate it."
    )
    steps: int = Field(100, ge=0, description="Number of optimiser steps.")
    batch_size: int = Field(
        64,
        ge=1,
        validation_alias=AliasChoices("batch_size", "rows"),
        description="Number of episodes per optimiser step.",
    )
    lr: float = Field(1e-3, gt=0, description="Peak learning rate.")
    env: dict[str, Any] = Field(
        default_factory=dict,
        description="Environment arguments that the demonstrations change, such as easier tasks.",
    )
    difficulty_mix: dict[float, float] = Field(
        default_factory=dict,
        validation_alias=AliasChoices("difficulty_mix", "shares"),
        description="Share of the oracle's episodes by difficulty of the task; empty draws from "
        "all tasks alike.",
    )


class Learner(Section):
    """Optimiser of the policy."""

    steps: int = Field(100, ge=0, description="Number of steps, each a rollout and its updates.")
    lr: float = Field(1e-6, gt=0, description="Learning rate of the policy.")
    warmup: int = Field(
        0,
        ge=0,
        description="Number of first steps over which the learning rate rises. Adam's first "
        "updates are signs: at full rate they can cost a small policy much of what it could do.",
    )
    lr_decay: Literal["constant", "linear"] = Field(
        "constant",
        description="Schedule of the learning rate: constant, or linear down to 0 over the steps.",
    )
    weight_decay: float = Field(0.0, ge=0, description="Weight decay of AdamW.")
    grad_clip: float = Field(1.0, gt=0, description="Maximum norm of the gradient per update.")
    micro_batch_tokens: int = Field(
        16384,
        ge=1,
        validation_alias=AliasChoices("micro_batch_tokens", "micro_tokens"),
        description="Maximum number of tokens per forward pass.",
    )
    packing: bool = Field(
        True,
        description="Whether rows run without padding, with a common prefix computed once; models "
        "whose attention cannot be packed run padded.",
    )
    denominator: Literal["token", "sequence", "constant"] = Field(
        "token",
        description="Divisor of the summed token losses: the batch's tokens, each sequence's "
        "tokens and then the sequences, or a constant per sequence.",
    )
    constant: float = Field(
        1024.0, gt=0, description="Divisor per sequence, in tokens, where denominator is constant."
    )
    max_idle_steps: int = Field(
        0,
        ge=0,
        validation_alias=AliasChoices("max_idle_steps", "idle_steps"),
        description="Maximum number of consecutive steps with nothing to learn from (all rewards "
        "equal, say) before the run stops with an error.",
    )

    def lr_scale(self, step: int, idle: int = 0) -> float:
        """Factor on `lr` at a step, counted from 0, after `idle` steps without policy updates."""
        return self.decay(step) * min(1.0, (step - idle + 1) / (self.warmup + 1))

    def decay(self, step: int) -> float:
        """Factor of the learning-rate schedule at a step, in [0, 1]."""
        return 1 - step / self.steps if self.lr_decay == "linear" and self.steps else 1.0


class CriticSection(Section):
    """Settings that both kinds of critic share."""

    lr: float = Field(1e-5, gt=0, description="Learning rate of the critic's own weights.")
    clip: float | None = Field(
        0.2,
        gt=0,
        description="Maximum distance, in units of the return, that a step's updates may move a "
        "value from its first estimate before it loses its gradient; null sets no maximum.",
    )
    warmup: int = Field(
        0,
        ge=0,
        description="Number of first learner steps in which the critic alone learns, so that "
        "untrained values do not move the policy.",
    )


class HeadCritic(CriticSection):
    """Critic as a linear head on the policy's hidden states: no forward pass of its own."""

    kind: Literal["head"]
    lr: float = Field(1e-3, gt=0, description="Learning rate of the head.")
    coef: float = Field(
        0.1,
        ge=0,
        description="Weight of the value loss in the gradient of the policy's layers; 0 leaves "
        "them to the policy loss.",
    )


class ModelCritic(CriticSection):
    """Critic as a separate model, a copy of the policy after its warm start."""

    kind: Literal["model"]


class Evaluation(Section):
    """Evaluation on held-out tasks."""

    tasks: int = Field(256, ge=0, description="Number of tasks; 0 skips evaluation.")
    samples: int = Field(
        1, ge=1, description="Number of episodes per task; pass@k needs at least k."
    )
    split: str = Field("test", description="Name of the environment's split to draw tasks from.")
    temperature: float = Field(0.0, ge=0, description="Sampling temperature; 0 samples greedily.")
    interval: int = Field(
        0,
        ge=0,
        validation_alias=AliasChoices("interval", "every"),
        description="Number of steps between evaluations during training; 0 evaluates only before "
        "and after.",
    )
    env: dict[str, Any] = Field(
        default_factory=dict,
        description="Environment arguments that the evaluation changes, such as tasks harder than "
        "any trained on; scores are reported by difficulty.",
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
    chosen = [
        ("sampler", config.sampler),
        ("guidance", config.guidance),
        *((f"rewards.{i}", reward) for i, reward in enumerate(config.rewards)),
        ("advantage", config.advantage),
        *((f"losses.{i}", loss) for i, loss in enumerate(config.losses)),
        ("batching", config.batching),
        *((f"hooks.{i}", hook) for i, hook in enumerate(config.hooks)),
    ]
    for place, plugin in chosen:
        if conflict := plugin.conflict(config):
            raise UsageError(f"{place} {plugin.name!r}: {conflict}")
