"""The learner's model as servers see it: a checkpoint on disk, and log-probs to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel

from envgym.errors import UsageError


class LearnerModel:
    """Weights of a Hugging Face causal LM in training.

    Args:
        module: The model; the learner changes it in place.
    """

    def __init__(self, module: PreTrainedModel) -> None:
        self.module = module

    def save(self, folder: Path) -> None:
        """Write all weights, a tied one under each of its names.

        A server that has untied an output head needs it under its own name; one that has not leaves
        it out.
        """
        folder.mkdir(parents=True)
        seen: set[int] = set()
        weights: dict[str, torch.Tensor] = {}
        for name, tensor in self.module.state_dict().items():
            own = tensor.detach().cpu().contiguous()
            weights[name] = own.clone() if tensor.data_ptr() in seen else own
            seen.add(tensor.data_ptr())
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        self.module.config.save_pretrained(folder)

    @torch.no_grad()
    def logprobs(self, ids: Sequence[int], sampled: int, temperature: float) -> list[float]:
        """Log-probs of the last `sampled` of `ids`; temperature 0 counts as 1."""
        device = next(self.module.parameters()).device
        row = torch.tensor([list(ids)], device=device)
        logits = self.module(row).logits[0, -sampled - 1 : -1].float() / (temperature or 1.0)
        chosen = torch.log_softmax(logits, -1).gather(-1, row[0, -sampled:, None])
        values: list[float] = chosen[:, 0].tolist()
        return values


class LearnerAdapter(LearnerModel):
    """LoRA adapter of a peft model in training.

    Raises:
        UsageError: The model has no adapter.
    """

    def __init__(self, module: Any) -> None:
        if not hasattr(module, "peft_config"):
            raise UsageError("transport lora sends an adapter, and the model has none: take disk")
        super().__init__(module)

    def save(self, folder: Path) -> None:
        """Write the adapter alone."""
        self.module.save_pretrained(folder)
