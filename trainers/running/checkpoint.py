"""Checkpoints: everything a run needs to go on exactly as if it had not stopped.

`save` writes to a temporary folder and renames it when whole, so that a kill at any moment, or a
full disk, leaves the last good checkpoint.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from envgym.errors import UsageError
from envgym.trainers.learner.model.reference import Reference
from envgym.trainers.loop import Trainer
from envgym.utils.atomic_write import flush_to_disk

_KEEP = 2


def save(trainer: Trainer, folder: Path, progress: dict[str, Any]) -> Path:
    """Write ``step-NNNNNN`` into `folder` and remove all but the last two checkpoints.

    Args:
        progress: Progress of the run: its stage, evaluations and time spent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"step-{trainer.step_number:06d}"
    draft, final = folder / f".{name}.tmp", folder / name
    for broken in folder.glob(".step-*.tmp"):  # of a run that was killed, or met a full disk
        shutil.rmtree(broken)
    draft.mkdir()
    save_file(_weights(trainer.model), draft / "model.safetensors")
    torch.save(trainer.policy.state(), draft / "optimizer.pt")
    if trainer.reference is not None:
        save_file(trainer.reference.weights, draft / "reference.safetensors")
    if trainer.critic is not None:
        save_file(_weights(trainer.critic.module), draft / "critic.safetensors")
        torch.save(trainer.critic.state(), draft / "critic_optimizer.pt")
    state = {
        "step": trainer.step_number,
        "sampled_tokens": trainer.sampled_tokens,
        "idle_steps": trainer.idle_steps,
        "version": trainer.agent.version,
        "progress": progress,
        "plugins": trainer.plugin_states,
    }
    (draft / "state.json").write_text(json.dumps(state))
    for path in [*draft.iterdir(), draft]:
        flush_to_disk(path)
    aside = folder / f"{name}.old"  # still found, should the run be killed before the next line
    shutil.rmtree(aside, ignore_errors=True)
    if final.exists():
        final.rename(aside)
    draft.rename(final)
    flush_to_disk(folder)
    for old in [*_all(folder)[:-_KEEP], aside]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def latest(folder: Path) -> Path | None:
    """Path of the newest whole checkpoint, or None."""
    found = _all(folder)
    return found[-1] if found else None


async def load(trainer: Trainer, path: Path) -> dict[str, Any]:
    """Restore a fresh trainer from a checkpoint; return the run's progress.

    Raises:
        UsageError: The checkpoint belongs to another run or version: files, shapes or names differ,
            or a plug-in cannot read its state.
    """
    try:
        _load_weights(trainer.model, path / "model.safetensors")
        trainer.policy.load(_tensors(path / "optimizer.pt"), trainer.config.losses)
        if trainer.reference is not None:
            _load_reference(trainer.reference, path / "reference.safetensors")
        if trainer.critic is not None:
            _load_weights(trainer.critic.module, path / "critic.safetensors")
            trainer.critic.load(_tensors(path / "critic_optimizer.pt"))
        state = json.loads((path / "state.json").read_text())
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"cannot resume from {path}: {error}; use --fresh") from error
    plugins = trainer.config.plugins()
    for place, values in state["plugins"].items():
        try:
            plugins[place].load(values)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"cannot resume from {path}: {place} cannot read its state ({error!r}), which "
                "another version wrote: resume with that version, or use --fresh"
            ) from error
    trainer.config.sampler.check_source(trainer.source)
    trainer.keep_plugin_states()
    trainer.step_number = state["step"]
    trainer.sampled_tokens = state.get("sampled_tokens", 0)
    trainer.idle_steps = state.get("idle_steps", 0)
    await trainer.agent.update_weights(state.get("version"))  # tokens' ages count on from it
    progress: dict[str, Any] = state["progress"]
    return progress


async def begin(trainer: Trainer, path: Path) -> dict[str, Any]:
    """Start a fresh trainer at the end of another run's warm start; return that run's progress.

    It loads the weights alone: the trainer's own optimiser, critic and plug-ins start as after a
    warm start of its own.
    """
    _load_weights(trainer.model, path / "model.safetensors")
    await trainer.reset_from_policy()
    state = json.loads((path / "state.json").read_text())
    await trainer.agent.update_weights(state["version"])
    progress: dict[str, Any] = state["progress"]
    return progress


def _load_weights(module: torch.nn.Module, path: Path) -> None:
    """Load weights that fit exactly.

    Raises:
        ValueError: A weight is missing, unknown, or not finite; the message names it.
    """
    weights = load_file(path)
    expected = _weights(module)
    for name in sorted(expected.keys() ^ weights.keys()):
        what = "lacks the" if name in expected else "has an unknown"
        raise ValueError(f"{path.name} {what} weight {name}")
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{path.name}: the weight {name} holds a number that is not finite")
    module.load_state_dict(weights, strict=False)  # a tied weight is stored under one of its names


def _load_reference(reference: Reference, path: Path) -> None:
    """Load the reference's weights.

    Raises:
        ValueError: Their names or shapes are not those of the policy's trained weights.
    """
    weights = load_file(path)
    if {n: w.shape for n, w in weights.items()} != {
        n: w.shape for n, w in reference.weights.items()
    }:
        raise ValueError(f"{path.name} does not hold the policy's trained weights")
    for name, tensor in weights.items():
        reference.weights[name].copy_(tensor)


def _tensors(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def _weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights by name, each tied tensor once (safetensors refuses to store one twice).

    Frozen ones are left out: an adapter's base is loaded from where it came from.
    """
    frozen = {p.data_ptr() for p in model.parameters() if not p.requires_grad}
    seen: set[int] = set()
    kept: dict[str, torch.Tensor] = {}
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen | frozen:
            seen.add(tensor.data_ptr())
            kept[name] = tensor.contiguous()
    return kept


def _all(folder: Path) -> list[Path]:
    """Whole checkpoints, oldest first; an ``.old`` one counts where no new one replaced it."""
    found = sorted(folder.glob("step-*"))
    return [path for path in found if path.suffix != ".old" or path.with_suffix("") not in found]
