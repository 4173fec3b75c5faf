from __future__ import annotations

import torch

from envgym.trainers.policy import entropies


def test_entropy_is_that_of_the_whole_distribution() -> None:
    logits = torch.randn(1100, 7, generator=torch.Generator().manual_seed(0)) * 3
    logits.requires_grad_()
    found = entropies(logits)
    wanted = torch.distributions.Categorical(logits=logits).entropy()
    torch.testing.assert_close(found, wanted)
    assert not found.requires_grad


def test_a_certain_token_has_no_entropy_and_an_even_one_the_most() -> None:
    logits = torch.tensor([[1e4, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0]])
    torch.testing.assert_close(entropies(logits), torch.tensor([0.0, 4.0]).clamp(min=1).log())
