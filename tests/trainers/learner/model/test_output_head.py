"""The head that the learner applies gives the logits of the model's own forward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from envgym.errors import UsageError
from envgym.trainers.learner.model.output_head import ScaledHead, output_head
from tests.trainers.learner.test_shared_prefix import SIZES
from tests.trainers.model_families.shapes import build

IDS = torch.tensor([[5, 9, 2, 33, 17]])


def both(model: PreTrainedModel) -> tuple[Tensor, Tensor]:
    """Logits by the head, and by the model."""
    states = model.base_model(input_ids=IDS, use_cache=False).last_hidden_state
    return output_head(model)(states), model(input_ids=IDS, use_cache=False).logits


@pytest.mark.parametrize("family", ["gemma2", "cohere", "cohere2", "granite"])
def test_scales_and_caps_are_the_models_own(family: str) -> None:
    model = build(family)
    found, wanted = both(model)
    assert isinstance(output_head(model), ScaledHead)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-6)
    plain = model.get_output_embeddings()(
        model.base_model(input_ids=IDS, use_cache=False).last_hidden_state
    )
    assert (plain - wanted).abs().max() > 0.1


@pytest.mark.parametrize("family", ["qwen2", "gpt2", "gemma3_text"])
def test_most_heads_are_the_matrix_itself(family: str) -> None:
    model = build(family)
    assert output_head(model) is model.get_output_embeddings()


def test_a_scale_is_found_in_half_precision() -> None:
    model = build("granite").bfloat16()
    found, wanted = both(model)
    assert torch.equal(found, wanted)


def test_the_gradient_goes_through_the_cap() -> None:
    """d (c tanh(z / c)) / dz = 1 - tanh²(z / c)."""
    head: Any = output_head(build("gemma2"))
    states = torch.randn(3, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    logits = head(states)
    (found,) = torch.autograd.grad(logits[1, 7], states)
    slope = 1 - (logits[1, 7].detach() / 2.0) ** 2
    torch.testing.assert_close(found[1], slope * head.matrix.weight[7])


def test_an_output_matrix_put_in_later_is_used() -> None:
    model = build("cohere")
    output_head(model)
    model.resize_token_embeddings(70)
    found, wanted = both(model)
    assert wanted.shape[-1] == 70
    torch.testing.assert_close(found, wanted)


def test_dropout_does_not_decide_and_flags_stay() -> None:
    model = build("gpt2")
    model.train()
    model.get_submodule("transformer.h.0").eval()
    assert output_head(model) is model.get_output_embeddings()
    assert model.training
    assert not model.get_submodule("transformer.h.0").training


class Own(Qwen2ForCausalLM):
    """A model that changes its logits in a way of its own."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        out = super().forward(*args, **kwargs)
        out.logits = out.logits**3
        return out


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(UsageError, match="Own cannot be trained: its logits are no known function"):
        output_head(Own(Qwen2Config(**SIZES, initializer_range=0.3)))
