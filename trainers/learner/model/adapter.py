"""Low-rank adapter (LoRA, arXiv 2106.09685): a trained change of rank r beside each frozen matrix.

The layers are PEFT's. The engine samples from the adapted model itself, so that no second copy of
the base exists; the reference is the base with the adapter as it began.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from envgym.errors import UsageError
from envgym.trainers.model_section import LoraSection


def add_adapter(model: PreTrainedModel, settings: LoraSection, seed: int) -> None:
    """Freeze a model, and add an adapter whose first change is zero.

    Args:
        seed: Seed of the adapter's random half.

    Raises:
        UsageError: PEFT is missing, or a target names no linear layer of the model.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise UsageError("model.lora needs PEFT: pip install 'envgym[lora]'") from error
    _check_targets(model, settings)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=0.0,
        target_modules=_linear_names(model)
        if settings.targets == "all-linear"
        else settings.targets,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.to(model.dtype)
        else:
            parameter.requires_grad_(False)


def is_adapted(model: PreTrainedModel) -> bool:
    """Return whether the model has an adapter."""
    return hasattr(model, "peft_config")


def merged_weights(model: PreTrainedModel) -> dict[str, Tensor]:
    """Weights of a plain model equal to the adapted one, each tied tensor once."""
    changes = {
        f"{name}.weight": layer.get_delta_weight(adapter)
        for name, layer in model.named_modules()
        if hasattr(layer, "get_delta_weight")
        for adapter in layer.active_adapters
    }
    kept: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            continue
        plain = name.replace(".base_layer.", ".")
        weight = parameter.detach()
        if plain in changes:
            weight = (weight.float() + changes[plain].float()).to(weight.dtype)
        kept[plain] = weight.contiguous()
    return kept


def save_adapter(model: PreTrainedModel, directory: str | Path) -> None:
    """Write the adapter alone, in the form that PEFT and vLLM read."""
    from peft import get_peft_model_state_dict

    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    [(name, config)] = model.peft_config.items()
    config.save_pretrained(str(directory))
    weights = get_peft_model_state_dict(model, adapter_name=name)
    whole = {f"base_model.model.{key}": value.contiguous() for key, value in weights.items()}
    save_file(whole, directory / "adapter_model.safetensors", {"format": "pt"})


def save_merged(model: PreTrainedModel, directory: str | Path) -> None:
    """Write the adapted model as a plain one, which any Hugging Face loader reads."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(directory)
    if model.generation_config is not None:
        model.generation_config.save_pretrained(directory)
    save_file(merged_weights(model), directory / "model.safetensors", {"format": "pt"})


def _check_targets(model: PreTrainedModel, settings: LoraSection) -> None:
    if settings.targets == "all-linear":
        return
    known = _linear_names(model)
    if missing := [name for name in settings.targets if name not in known]:
        raise UsageError(
            f"model.lora.targets: {type(model).__name__} has no linear layer {missing[0]!r}; it "
            f"has {', '.join(known)}"
        )


def _linear_names(model: PreTrainedModel) -> list[str]:
    """Last parts of the names of all linear layers but the output head."""
    head = model.get_output_embeddings()
    found = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not head
    }
    return sorted(name for name in found if re.search(r"[a-z]", name))
