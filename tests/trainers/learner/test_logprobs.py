from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from envgym.trainers.learner.logprobs import entropies, log_probs


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


class Widest(TorchDispatchMode):
    """The largest tensor, forwards or backwards, whose rows are as wide as the vocabulary."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vocabulary, self.rows = vocabulary, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor) and tensor.shape[-1:] == (self.vocabulary,):
                self.rows = max(self.rows, tensor.numel() // self.vocabulary)
        return out


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("bias", [False, True])
def test_pieces_give_the_log_probs_and_gradients_of_the_whole(
    temperature: float, bias: bool
) -> None:
    torch.manual_seed(0)
    head = torch.nn.Linear(6, 31, bias=bias).double()
    states = torch.randn(50, 6, dtype=torch.float64, requires_grad=True)
    targets, weight = torch.randint(0, 31, (50,)), torch.randn(50)
    leaves = [states, *head.parameters()]
    logits = (head(states) / temperature).float()
    wanted = torch.log_softmax(logits, -1).gather(1, targets[:, None])[:, 0]
    gradients = torch.autograd.grad((wanted * weight).sum(), leaves)
    for piece in (0, 7 * 31, 1):
        found, entropy = log_probs(head, states, targets, temperature, piece)
        torch.testing.assert_close(found, wanted)
        whole = torch.distributions.Categorical(logits=logits.detach()).entropy()
        torch.testing.assert_close(entropy, whole)
        assert not entropy.requires_grad
        for a, b in zip(
            torch.autograd.grad((found * weight).sum(), leaves), gradients, strict=True
        ):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_the_logits_never_exist_whole() -> None:
    head = torch.nn.Linear(6, 31, bias=False)
    states = torch.randn(50, 6, requires_grad=True)
    with Widest(31) as widest:
        log_probs(head, states, torch.arange(50) % 31, piece=7 * 31)[0].sum().backward()
    assert widest.rows == 7
    with Widest(31) as widest:  # it is seen where it does
        log_probs(head, states, torch.arange(50) % 31)[0].sum().backward()
    assert widest.rows == 50
    with torch.no_grad(), Widest(31) as widest:
        log_probs(head, states, torch.arange(50) % 31, piece=7 * 31)
    assert widest.rows == 7
