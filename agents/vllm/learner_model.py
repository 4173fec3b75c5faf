"""The learner's model as servers see it: a checkpoint on disk, and log-probs to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel


class LearnerModel:
    """Weights of a Hugging Face causal LM in training.

    Args:
        module: The model; the learner changes it in place.
    """

    def __init__(self, module: PreTrainedModel) -> None:
        self.module = module

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """All weights of the plain model by name, a tied one under each of its names."""
        return self.module.state_dict()

    def save(self, folder: Path) -> None:
        """Write all weights, a tied one under each of its names.

        A server that has untied an output head needs it under its own name; one that has not leaves
        it out.
        """
        folder.mkdir(parents=True)
        seen: set[int] = set()
        weights: dict[str, torch.Tensor] = {}
        for name, tensor in self.tensors().items():
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
