"""Weights of a model with a LoRA adapter, as inference servers take them: merged, or apart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from envgym.agents.vllm.learner_model import LearnerModel
from envgym.trainers.learner.model.adapter import merged_weights, save_adapter


class MergedModel(LearnerModel):
    """Weights of the plain model that equals the adapted one."""

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """The merged weights, an output head that is tied to the embeddings under its own name."""
        weights = merged_weights(self.module)
        head, embeddings = self.module.get_output_embeddings(), self.module.get_input_embeddings()
        if head is not None and head.weight is embeddings.weight:
            [name] = [name for name, module in self.module.named_modules() if module is head]
            weights[f"{name}.weight"] = embeddings.weight.detach()
        return weights


class AdapterWeights(LearnerModel):
    """The adapter alone, for servers that have the base."""

    def save(self, folder: Path) -> None:
        """Write the adapter."""
        save_adapter(self.module, folder)
