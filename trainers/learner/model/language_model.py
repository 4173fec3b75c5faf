"""Language model of the learner: micro-batches in, numbers per action token out.

Everything that the learner asks of a model goes through the forward of this one module, so that
sharding (FSDP) has one root to wrap.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from torch import Tensor, nn
from transformers import PreTrainedModel

from envgym.trainers.learner.hidden_states import MicroBatch, action_states, micro_batches
from envgym.trainers.learner.logprobs import Head, States, Targets
from envgym.trainers.learner.model.master_weights import MasterWeights
from envgym.trainers.learner.model.output_head import output_head
from envgym.trainers.learner.rows import TrainRow

T = TypeVar("T")

Read = Callable[[Head, States, Targets], T]
"""Function from the output head, the states before the action tokens, and the tokens' ids."""


class LanguageModel(nn.Module):
    """Causal LM with the way in which it runs micro-batches.

    Args:
        model: The causal LM; it may be shared with an engine.
        micro_tokens: Maximum number of tokens per forward pass.
        packing: Whether rows run without padding, where the model supports it.
        checkpointing: Whether the backward pass computes activations again, layer by layer.

    Attributes:
        masters: The trained weights in float32, for optimisers.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        micro_tokens: int = 16384,
        packing: bool = True,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.micro_tokens = micro_tokens
        self.packing = packing
        self.checkpointing = checkpointing
        self.masters = MasterWeights(model.parameters())

    def copy(self) -> LanguageModel:
        """A copy that is trained apart, its weights in memory of their own."""
        return LanguageModel(
            copy.deepcopy(self.model),
            micro_tokens=self.micro_tokens,
            packing=self.packing,
            checkpointing=self.checkpointing,
        )

    @property
    def head(self) -> Head:
        """Function from the last hidden states to the logits."""
        return output_head(self.model)

    def micro_batches(
        self, rows: Sequence[TrainRow], whole_samples: bool = False
    ) -> Iterator[MicroBatch]:
        """Cut rows into micro-batches: see `hidden_states.micro_batches`."""
        return micro_batches(self.model, rows, self.micro_tokens, self.packing, whole_samples)

    def forward(self, rows: Sequence[TrainRow], read: Read[T]) -> T:
        """Run rows and `read` what they give.

        Args:
            rows: A micro-batch, run as it is laid out; other rows become one.
            read: Function from the head, the states [N, H] and the ids [N] to the result.
        """
        states, targets = action_states(self.model, rows, self.checkpointing)
        return read(self.head, states, targets)


def states_of(head: Head, states: States, targets: Targets) -> Tensor:
    """Read the hidden states alone, [N, H]."""
    return states
