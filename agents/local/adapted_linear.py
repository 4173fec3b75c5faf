"""Linear layers of the lean forward, plain or with a low-rank adapter (PEFT's LoRA)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F


def linear(states: Tensor, layer: Any) -> Tensor:
    """Apply a layer that `is_supported`, in the adapted one's own order of operations."""
    base: nn.Linear = getattr(layer, "base_layer", layer)
    result = F.linear(states, base.weight, base.bias)
    if base is layer or layer.disable_adapters:
        return result
    [name] = layer.active_adapters
    low = F.linear(states, layer.lora_A[name].weight)
    return result + F.linear(low, layer.lora_B[name].weight) * layer.scaling[name]


def is_supported(layer: Any) -> bool:
    """Return whether a layer is a plain linear one, or one with a single plain LoRA adapter."""
    if type(layer) is nn.Linear:
        return True
    kind = type(layer)
    if (kind.__module__, kind.__name__) != ("peft.tuners.lora.layer", "Linear"):
        return False
    names = layer.active_adapters
    return (
        type(layer.base_layer) is nn.Linear
        and len(names) == 1
        and names[0] in layer.lora_A
        and not layer.merged
        and not layer.lora_variant
        and not layer.lora_bias[names[0]]
        and type(layer.lora_dropout[names[0]]) is nn.Identity
    )
