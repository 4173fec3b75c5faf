"""Reference policy: the policy as it was when reinforcement learning began, frozen.

It holds copies of the trained weights alone, in their own number format: under an adapter the base
model is shared, and a frozen part never exists twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from envgym.trainers.learner.model.language_model import LanguageModel


class Reference:
    """Frozen copy of a policy's trained weights.

    Args:
        policy: The policy; its weights are copied now, and again at each `reset`.

    Attributes:
        weights: The copies by the names of the parameters.
    """

    def __init__(self, policy: LanguageModel) -> None:
        self._policy = policy
        self.weights: dict[str, Tensor] = {}
        self.reset()

    def reset(self) -> None:
        """Copy the policy's current weights."""
        self.weights = {name: p.detach().clone() for name, p in self._trained().items()}

    @contextmanager
    def in_place(self) -> Iterator[LanguageModel]:
        """Give the policy's model the reference's weights within this context; nothing is copied.

        The policy must neither sample nor learn meanwhile.
        """
        self._swap()
        try:
            yield self._policy
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, parameter in self._trained().items():
            parameter.data, self.weights[name] = self.weights[name], parameter.data

    def _trained(self) -> dict[str, nn.Parameter]:
        model = self._policy.model
        return {name: p for name, p in model.named_parameters() if p.requires_grad}
