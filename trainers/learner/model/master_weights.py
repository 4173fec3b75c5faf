"""Master weights: float32 copies that the optimiser updates in place of low-precision weights.

In bfloat16 a weight has eight bits of precision, so an update of less than 1/512 of it rounds to
nothing: at the usual rates of reinforcement learning almost no weight ever changes. The optimiser
therefore works on float32 copies (Mixed Precision Training, arXiv 1710.03740, section 3.1), and
each step rounds them into the model. Gradients of micro-batches add up in float32, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn


class MasterWeights:
    """Trained weights of a model, in float32.

    A weight that is float32 itself is its own master. Changes that others make to the model's
    weights (a warm start, a hook, a checkpoint) are taken over at the next step.

    Args:
        parameters: The model's parameters; those without `requires_grad` are left out.

    Attributes:
        parameters: Tensors for the optimiser, in the order of the model's trained parameters.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        trained = [p for p in parameters if p.requires_grad]
        self._copies = {
            index: p.detach().float()
            for index, p in enumerate(trained)
            if p.dtype in (torch.bfloat16, torch.float16)
        }
        self._models = {index: trained[index] for index in self._copies}
        self.parameters: list[Tensor] = [self._copies.get(i, p) for i, p in enumerate(trained)]
        for index, parameter in self._models.items():
            parameter.register_post_accumulate_grad_hook(self._adder(index))

    @torch.no_grad()
    def read(self) -> None:
        """Take over the model's weights where they are not the rounded masters."""
        for index, copy in self._copies.items():
            weight = self._models[index]
            copy.copy_(torch.where(copy.to(weight.dtype) == weight, copy, weight.float()))

    @torch.no_grad()
    def write(self) -> None:
        """Round the masters into the model."""
        for index, copy in self._copies.items():
            self._models[index].copy_(copy)

    def state(self) -> list[Tensor]:
        """Copies of the low-precision weights, for a checkpoint."""
        return list(self._copies.values())

    @torch.no_grad()
    def load(self, state: Sequence[Tensor]) -> None:
        """Restore the copies from `state`.

        Raises:
            ValueError: Their number or a shape is another.
        """
        for copy, saved in zip(self._copies.values(), state, strict=True):
            if copy.shape != saved.shape:
                raise ValueError(f"a master weight has shape {list(saved.shape)}")
            copy.copy_(saved)

    def _adder(self, index: int) -> Callable[[Tensor], None]:
        copy = self._copies[index]

        def add(parameter: Tensor) -> None:
            """Add the parameter's gradient to its master's, and free it."""
            gradient = torch.zeros_like(copy) if parameter.grad is None else parameter.grad.float()
            copy.grad = gradient if copy.grad is None else copy.grad.add_(gradient)
            parameter.grad = None

        return add
