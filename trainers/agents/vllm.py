"""Agent that samples from inference servers, whose weights follow the learner's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from transformers import PreTrainedModel

from envgym.agents.vllm import VllmAgent
from envgym.agents.vllm.learner_model import LearnerModel
from envgym.agents.vllm.transports import DiskTransport, LoraTransport, NativeTransport, Transport
from envgym.chat.renderer import Chat
from envgym.errors import UsageError
from envgym.trainers.agents.adapted_weights import AdapterWeights, MergedModel
from envgym.trainers.agents.base import AgentPlugin
from envgym.trainers.config_sections import RolloutSection
from envgym.trainers.learner.model.adapter import is_adapted
from envgym.trainers.plugin import register


@register("vllm")
class Vllm(AgentPlugin):
    """Agent on servers with vLLM's token protocol: vLLM, or ``envgym serve-model``.

    vLLM needs ``VLLM_SERVER_DEV_MODE=1`` for weight updates and ``--enable-scale-out`` for tokens.

    Trap: on a CPU vLLM 0.32 does not reload an output head that is tied to the embeddings. Start it
    with ``--hf-overrides '{"tie_word_embeddings": false}'`` on a checkpoint that has the head.
    """

    urls: list[str] = Field(
        min_length=1, description="Addresses of the servers, such as http://127.0.0.1:8000."
    )
    model: str | None = Field(
        None, description="Name of the model at the servers; null takes their only one."
    )
    transport: Literal["disk", "nccl", "ipc", "lora", "none"] = Field(
        "disk",
        description="Way of the weights: disk (files in weights_dir, merged where model.lora is "
        "set), nccl, ipc (one machine), lora (the adapter, in weights_dir); none leaves the "
        "servers' weights alone, for seats and judges that do not learn.",
    )
    weights_dir: str | None = Field(
        None,
        description="Folder for weights, seen by the servers under the same path (disk, lora).",
    )
    master_address: str = Field(
        "127.0.0.1", description="Address of the trainer at which the servers meet it (nccl)."
    )
    master_port: int = Field(
        29600, ge=1, le=65535, description="First port at which the servers meet it (nccl)."
    )
    tolerance: float = Field(
        1e-2,
        gt=0,
        description="Largest difference between a server's log-probs and the learner's, in nats, "
        "in the check after each update; low precision needs more.",
    )
    timeout_s: float = Field(1800.0, gt=0, description="Seconds for one turn.")
    recovery_s: float = Field(
        300.0, gt=0, description="Seconds to wait for a server that has gone."
    )
    retries: int = Field(
        5, ge=0, description="Number of further requests for a turn after lost connections."
    )
    sleep: bool = Field(
        False,
        description="Whether the servers sleep while the learner works, to share its device.",
    )
    any_version: bool = Field(
        False, description="Whether versions of vLLM outside the tested range are taken."
    )
    api_key_env: str = Field(
        "VLLM_API_KEY", description="Environment variable that holds the servers' token."
    )

    @model_validator(mode="after")
    def _has_folder(self) -> Self:
        if self.transport in ("disk", "lora") and not self.weights_dir:
            raise ValueError(
                f"transport {self.transport} needs weights_dir, a folder that the servers see too"
            )
        return self

    def conflict(self, config: Any) -> str | None:
        """Report a policy without weight updates, or other agents with them."""
        learns = config.agent is self
        if learns and self.transport == "none":
            return "transport none updates no weights, and the policy learns: take disk or nccl"
        if learns and config.rollout.deterministic:
            return (
                "rollout.deterministic holds back the local engine, and a server's batches depend "
                "on timing: set it to false"
            )
        if not learns and self.transport != "none":
            return (
                f"transport {self.transport} would put the policy's weights on these servers: set "
                "transport to none for a seat or a judge"
            )
        return None

    def build(self, model: PreTrainedModel, chat: Chat, rollout: RolloutSection) -> VllmAgent:
        """Build the agent; the servers are asked when it starts.

        Raises:
            UsageError: The transport does not go with the model's adapter, or its lack.
        """
        weights = self._weights(model)
        return VllmAgent(
            self.urls,
            chat,
            max_tokens=rollout.max_tokens_per_turn,
            temperature=rollout.temperature,
            max_context=rollout.max_context,
            model=self.model,
            weights=None if self.transport == "none" else weights,
            transport=self._transport(weights),
            tolerance=self.tolerance,
            timeout=self.timeout_s,
            recovery_s=self.recovery_s,
            retries=self.retries,
            sleep=self.sleep,
            any_version=self.any_version,
            api_key_env=self.api_key_env,
        )

    def _weights(self, model: PreTrainedModel) -> LearnerModel:
        adapted = is_adapted(model)
        if self.transport == "lora":
            if not adapted:
                raise UsageError(
                    "agent.transport lora sends an adapter, and the model has none: set "
                    "model.lora, or take transport disk"
                )
            return AdapterWeights(model)
        if adapted and self.transport in ("nccl", "ipc"):
            raise UsageError(
                f"agent.transport {self.transport} sends parameters as they are, and model.lora "
                "keeps its change beside them: take transport lora or disk"
            )
        return MergedModel(model) if adapted else LearnerModel(model)

    def _transport(self, weights: LearnerModel) -> Transport | None:
        folder = Path(self.weights_dir or "")
        if self.transport == "disk":
            return DiskTransport(weights, folder)
        if self.transport == "lora":
            return LoraTransport(weights, folder)
        if self.transport == "none":
            return None
        return NativeTransport(
            weights,
            self.transport,
            master_address=self.master_address,
            master_port=self.master_port,
        )
