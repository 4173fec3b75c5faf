"""Activation checkpointing: the backward pass computes each layer again from its input.

Transformers offers the same, but only while the model trains (with dropout, under which log-probs
are not the sampler's) and without regard to the attention that packed rows run under.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from envgym.errors import UsageError


@contextmanager
def checkpointed_layers(
    model: nn.Module, inside: Callable[[], AbstractContextManager[Any]] = nullcontext
) -> Iterator[None]:
    """Keep only the inputs of the layers that run in this context.

    Args:
        inside: Maker of the context in which the backward pass computes a layer again.

    Raises:
        UsageError: The model has no layers that can be checkpointed.
    """
    layers: list[Any] = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
    if not layers:
        raise UsageError(
            f"learner.checkpointing: {type(model).__name__} has no layers that transformers can "
            "checkpoint: set it to false"
        )
    run = partial(
        checkpoint,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), inside()),
    )
    kept = [(layer, layer.training) for layer in layers]
    for layer in layers:
        # Of the layer alone: dropout inside it stays as it is.
        layer.training, layer.gradient_checkpointing = True, True
        layer._gradient_checkpointing_func = run
    try:
        yield
    finally:
        for layer, training in kept:
            layer.training, layer.gradient_checkpointing = training, False
            del layer._gradient_checkpointing_func
