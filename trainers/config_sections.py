"""Sections of a run's config: chat, rollouts, warm start, learner, critic, evaluation.

The former name of a renamed field is an alias for one release; `trainers.former_names` lists them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """Part of a config; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")


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
    max_context: int | None = Field(
        None,
        ge=1,
        description="Maximum number of tokens of a context and its answer; null takes the model's "
        "own maximum.",
    )
    episode_s: float | None = Field(
        1800.0,
        gt=0,
        description="Seconds that the environment may take for one episode, without the waiting "
        "for the agent; beyond it the episode is a fault. Null sets no limit.",
    )
    deterministic: bool = Field(
        False,
        description="Whether the local engine waits before each decode step for every episode, "
        "however long its tools take: batches then do not depend on timing, and a run can be "
        "repeated, or resumed, to the last bit. It costs time where tools do, and needs a sandbox "
        "for every concurrent episode.",
    )
    batch_wait_s: float = Field(
        0.002,
        ge=0,
        validation_alias=AliasChoices("batch_wait_s", "patience_s"),
        description="Maximum seconds that the local engine, where it is not deterministic, waits "
        "for the next of the episodes whose tools are running before it decodes without them; 0 "
        "never waits. Waiting in vain is held to a twentieth of the time that the engine computes.",
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
    hinted: Share | dict[float, Share] = Field(
        0.0,
        description="Share of the oracle's episodes, of all or by the task's difficulty, that show "
        "hints: the weakest one to all, in a context that the loss sees. A policy that is to be "
        "guided must have learnt to follow hints.",
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
        description="Number of first updates over which the learning rate rises. Adam's first "
        "updates are signs: at full rate they can cost a small policy much of what it could do.",
    )
    max_sampled_tokens: int | None = Field(
        None,
        ge=1,
        description="Number of tokens sampled in training after which the run ends, whatever the "
        "number of steps: methods that sample more per step then cost the same. Null sets none.",
    )
    lr_decay: Literal["constant", "linear"] = Field(
        "constant",
        description="Schedule of the learning rate: constant, or linear down to 0 over the steps.",
    )
    betas: tuple[float, float] = Field(
        (0.9, 0.95), description="Decay rates of AdamW's first and second moments."
    )
    eps: float = Field(1e-8, gt=0, description="Number added to AdamW's denominator.")
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
    checkpointing: bool = Field(
        False,
        description="Whether the backward pass computes each layer again from its input, so that "
        "memory holds the activations of one layer alone; it costs a third more computation.",
    )
    denominator: Literal["token", "sequence", "constant"] = Field(
        "token",
        description="Divisor of the summed token losses: the batch's tokens, each sequence's "
        "tokens and then the sequences, or a constant per sequence.",
    )
    constant: float = Field(
        1024.0, gt=0, description="Divisor per sequence, in tokens, where denominator is constant."
    )
    mask_truncated: bool = Field(
        False,
        description="Whether to leave episodes that a limit on tokens cut out of the loss (DAPO's "
        "overlong filter); groups and baselines count them all the same.",
    )
    max_idle_steps: int = Field(
        0,
        ge=0,
        validation_alias=AliasChoices("max_idle_steps", "idle_steps"),
        description="Maximum number of consecutive steps with nothing to learn from (all rewards "
        "equal, say) before the run stops with an error.",
    )

    def lr_scale(self, step: int, updates: int) -> float:
        """Factor on `lr` at a step, counted from 0, after a number of policy updates."""
        return self.decay(step) * min(1.0, (updates + 1) / (self.warmup + 1))

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
