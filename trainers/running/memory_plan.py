"""Memory plan of a run: how many bytes each part takes, and in which phase.

Weights and optimiser are counted; activations are measured on a short row of the model itself, and
scaled to a micro-batch. Sampling and learning follow each other, so the peak is the larger of both.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from envgym.errors import UsageError
from envgym.trainers.config import Config
from envgym.trainers.learner.layout import lay_out
from envgym.trainers.learner.logprobs import PIECE
from envgym.trainers.learner.model.checkpointing import checkpointed_layers
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.packing import packable, packed_states
from envgym.trainers.loop import Trainer

_PROBE = 64
"""Tokens of the row on which activations are measured."""

_LOGITS = 4
"""Pieces of logits that exist at once: in float32, scaled, their exponentials, their gradient."""


@dataclass
class MemoryPlan:
    """Bytes of a run's parts.

    Attributes:
        always: Parts that exist in both phases, by name.
        sampling: Further parts while episodes are played.
        learning: Further parts while the learner works.
    """

    always: dict[str, int] = field(default_factory=dict)
    sampling: dict[str, int] = field(default_factory=dict)
    learning: dict[str, int] = field(default_factory=dict)

    @property
    def peak(self) -> int:
        """Largest number of bytes at once."""
        phases = sum(self.sampling.values()), sum(self.learning.values())
        return sum(self.always.values()) + max(phases)

    @property
    def largest(self) -> str:
        """Name of the largest part that the settings can shrink."""
        parts = self.always | self.sampling | self.learning
        return max(set(parts) & set(ADVICE), key=lambda name: (parts[name], name))

    def parts(self) -> dict[str, str]:
        """The plan as text: each part, when it exists, and the peak."""
        found = {
            name: f"{size(count)}{when}"
            for parts, when in (
                (self.always, ""),
                (self.sampling, " while sampling"),
                (self.learning, " while learning"),
            )
            for name, count in parts.items()
            if count
        }
        return {**found, "peak of memory": size(self.peak)}

    def shortage(self, available: int) -> str | None:
        """Warning that names what to change, where the rest of the plan is over `available` bytes.

        Args:
            available: Free memory once the models are loaded.

        Raises:
            UsageError: Optimiser and gradients alone are over it, so that no step could end.
        """
        loaded = sum(self.always.values()) - self.always["optimiser"]
        least = self.always["optimiser"] + self.learning["gradients"]
        missing = max(least, self.peak - loaded)
        if missing <= available:
            return None
        said = (
            f"{size(missing)} more than the loaded models, and {size(available)} are free; the "
            f"largest part that settings can shrink is {self.largest}: {ADVICE[self.largest]}"
        )
        if least > available:
            raise UsageError(f"too little memory: the run needs {said}")
        return f"the run may need {said}"


ADVICE = {
    "optimiser": "train an adapter (model.lora)",
    "gradients": "train an adapter (model.lora)",
    "float32 copies of the weights": "train an adapter (model.lora)",
    "keys and values": "lower rollout.concurrency or rollout.max_context",
    "activations": "set learner.checkpointing, or lower learner.micro_batch_tokens",
    "critic": "take critic.kind head",
}
"""Change of the settings that shrinks a part, by its name."""


def memory_plan(config: Config, trainer: Trainer, longest: int) -> MemoryPlan:
    """Plan the memory of a run's peak.

    Args:
        longest: Expected number of tokens of the longest row of an episode.
    """
    lm = trainer.policy.lm
    trained = [p for p in lm.model.parameters() if p.requires_grad]
    count = sum(p.numel() for p in trained)
    episodes = config.rollout.tasks_per_step * config.rollout.group_size
    tokens = min(config.learner.micro_batch_tokens, episodes * longest)
    tokens = max(tokens, longest)
    copies = sum(copy.nbytes for copy in lm.masters.state())
    optimizers = 1 + len({loss.name for loss in config.losses if loss.lr is not None})
    plan = MemoryPlan(
        always={
            "weights": _bytes(lm.model.parameters()),
            "float32 copies of the weights": copies,
            "optimiser": 8 * count * optimizers,
        },
        sampling={
            "keys and values": cache_bytes(trainer)
            * longest
            * min(config.rollout.concurrency, episodes)
        },
        learning={
            "gradients": 4 * count,
            "activations": tokens * activation_bytes(lm),
            "logits": 4 * _LOGITS * min(PIECE, tokens * _vocabulary(lm.model)),
        },
    )
    if trainer.reference is not None:
        plan.always["reference"] = _bytes(trainer.reference.weights.values())
    if trainer.critic is not None and not trainer.critic.shares:
        own = list(trainer.critic.module.parameters())
        low = sum(copy.nbytes for copy in trainer.critic.masters.state())
        moments = 8 * sum(p.numel() for p in own if p.requires_grad)
        plan.always["critic"] = _bytes(own) + low + moments
    return plan


def activation_bytes(lm: LanguageModel) -> int:
    """Bytes per token that a forward pass keeps for the backward pass, measured on a short row."""
    model = lm.model
    device = model.device
    known = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers()]}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.zeros(_PROBE, dtype=torch.int64).numpy()
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        if lm.packing and packable(model):
            alive = packed_states(model, lay_out([ids]), lm.checkpointing)
        else:
            row = torch.from_numpy(ids)[None].to(device)
            with checkpointed_layers(model) if lm.checkpointing else nullcontext():
                alive = model.base_model(input_ids=row, use_cache=False).last_hidden_state
    total = sum(kept.values()) + alive.nbytes
    if lm.checkpointing:  # one layer's activations exist while it is computed again
        total += _layer_share(lm) * _PROBE
    return total // _PROBE


def _layer_share(lm: LanguageModel) -> int:
    """Bytes per token of one layer's activations, were it not checkpointed."""
    plain = LanguageModel(lm.model, packing=lm.packing)
    layers: int = lm.model.config.get_text_config(decoder=True).num_hidden_layers
    return activation_bytes(plain) // layers


def cache_bytes(trainer: Trainer) -> int:
    """Bytes of one token's keys and values."""
    shape = trainer.model.config.get_text_config(decoder=True)
    heads = getattr(shape, "num_key_value_heads", None) or shape.num_attention_heads
    width = getattr(shape, "head_dim", None) or shape.hidden_size // shape.num_attention_heads
    each = next(trainer.model.parameters()).element_size()
    return int(2 * shape.num_hidden_layers * heads * width * each)


def size(count: int) -> str:
    """Number of bytes in a readable unit."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)


def _vocabulary(model: nn.Module) -> int:
    head: nn.Module = model.get_output_embeddings()  # type: ignore[operator]
    weight = head.weight
    assert isinstance(weight, Tensor)
    return len(weight)
