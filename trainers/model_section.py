"""Model section of a run's config: the model, its device and number format, its adapter."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from envgym.agents.tiny import CopyingPhase, TinyConfig


class LoraSection(BaseModel):
    """Low-rank adapter that is trained in place of the model's own weights (arXiv 2106.09685)."""

    model_config = ConfigDict(extra="forbid")

    rank: int = Field(16, ge=1, description="Rank of the change of each adapted matrix.")
    alpha: int = Field(
        32, ge=1, description="Scale of the change: it is multiplied by alpha / rank."
    )
    targets: Literal["all-linear"] | list[str] = Field(
        "all-linear",
        description="Names of the linear layers to adapt, such as q_proj; all-linear takes all but "
        "the output head.",
    )


class ModelSection(BaseModel):
    """Settings that both kinds of model share."""

    model_config = ConfigDict(extra="forbid")

    device: str = Field(
        "auto",
        description="Device of the model, such as cpu, cuda or cuda:1; auto takes the first GPU, "
        "and the CPU where there is none.",
    )
    lora: LoraSection | None = Field(
        None, description="Adapter to train; null trains all of the model's weights."
    )


class TinyModel(TinyConfig, ModelSection):
    """Tiny model with random weights; its tokenizer is trained on the environment's own text."""

    kind: Literal["tiny"] = "tiny"
    copying: CopyingPhase = Field(
        default_factory=CopyingPhase,
        description="Settings of the copying phase, which trains the model before the warm start.",
    )


class PretrainedModel(ModelSection):
    """Pretrained model, loaded from a directory or from a model hub."""

    kind: Literal["pretrained"]
    path: str | None = Field(
        None,
        description="Directory or hub name of the model; null loads the small model that comes "
        "with envgym.",
    )
    dtype: Literal["float32", "bfloat16", "auto"] = Field(
        "float32",
        description="Number format of the weights in sampling and learning; auto keeps the format "
        "on disk. The optimiser updates float32 copies of weights in a shorter format.",
    )
