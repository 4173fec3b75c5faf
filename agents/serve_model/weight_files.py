"""Weights on disk: read a folder of safetensors files into a model, and checksums of a model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from envgym.errors import UsageError


def read_weights(model: torch.nn.Module, folder: Path) -> dict[str, torch.Tensor]:
    """Read the weights of a folder, checked against the model's names and shapes.

    A tied weight may stand in the files under all of its names or under one.

    Raises:
        UsageError: No readable file, or a weight that is missing, unknown, of another shape or not
            finite; the message names it.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UsageError(f"{folder} holds no safetensors file: write the weights there first")
    found: dict[str, torch.Tensor] = {}
    for file in files:
        try:
            found |= load_file(file)
        except (OSError, SafetensorError) as error:
            raise UsageError(f"cannot read {file}: {error}") from error
    expected = model.state_dict()
    known = {expected[name].data_ptr() for name in found.keys() & expected.keys()}
    missing = [name for name, own in expected.items() if own.data_ptr() not in known]
    if wrong := sorted({*missing, *(found.keys() - expected.keys())}):
        kind = "no" if wrong[0] in missing else "an unknown"
        raise UsageError(f"{folder} holds {kind} weight {wrong[0]}: is it this model's?")
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            raise UsageError(
                f"{folder}: {name} has shape {list(tensor.shape)}, the model's has "
                f"{list(expected[name].shape)}"
            )
        if not torch.isfinite(tensor).all():
            raise UsageError(f"{folder}: {name} holds a number that is not finite")
    return found


def copy_weights(model: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Copy weights that `read_weights` returned into the model's own parameters."""
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in weights.items():
            own[name].copy_(tensor)


def checksums(model: torch.nn.Module) -> dict[str, str]:
    """Compute the SHA-256 of each parameter's bytes, by name."""
    return {
        name: hashlib.sha256(
            tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes()
        ).hexdigest()
        for name, tensor in model.named_parameters()
    }
