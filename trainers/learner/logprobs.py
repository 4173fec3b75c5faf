"""Log-probs of chosen tokens, computed in pieces that bound memory.

The logits of all action tokens of a micro-batch are its largest tensor by far: 8,000 tokens over a
vocabulary of 150,000 are 5 GB, and their gradient as much again. Here logits exist for one piece
of the tokens at a time; the backward pass computes them again where there are several pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

PIECE = 1 << 24
"""Maximum number of logits in memory at once: 64 MiB of float32."""

States = Float[Tensor, "tokens hidden"]
Targets = Int[Tensor, " tokens"]
Logits = Float[Tensor, "tokens vocabulary"]
PerToken = Float[Tensor, " tokens"]
Head = Callable[[States], Logits]


def log_probs(
    head: Head, hidden: States, targets: Targets, temperature: float = 1.0, piece: int = 0
) -> tuple[PerToken, PerToken]:
    """Log-probs of `targets` and the entropies of the distributions that they are drawn from.

    Args:
        head: Function from states [n, H] to logits [n, V].
        hidden: The states that predict the targets, [N, H].
        targets: Token ids, int64 [N].
        temperature: Divisor of the logits.
        piece: Maximum number of logits at once; 0 takes `PIECE`.

    Returns:
        Both float32 [N]; the entropies, in nats, without gradient.
    """

    def some(hidden: States, targets: Targets) -> tuple[PerToken, PerToken]:
        logits = _logits(head, hidden, temperature)
        return _LogProb.apply(logits, targets), entropies(logits)

    found = _by_piece(some, head, hidden, targets, piece)
    return torch.cat([logp for logp, _ in found]), torch.cat([entropy for _, entropy in found])


def logits_at(
    head: Head,
    hidden: States,
    ids: Int[Tensor, "tokens k"],
    temperature: float = 1.0,
    piece: int = 0,
) -> Float[Tensor, "tokens k"]:
    """Logits of k ids per token, float32 [N, k], with gradient; arguments as for `log_probs`."""

    def some(hidden: States, ids: Int[Tensor, "tokens k"]) -> Float[Tensor, "tokens k"]:
        return _logits(head, hidden, temperature).gather(1, ids)

    return torch.cat(_by_piece(some, head, hidden, ids, piece))


def _by_piece(
    some: Callable[[States, Tensor], Any], head: Head, hidden: States, each: Tensor, piece: int
) -> list[Any]:
    """Results of `some` on pieces of the tokens; several pieces are computed again backwards."""
    rows = _rows(head, hidden, piece)
    if len(hidden) <= rows:
        return [some(hidden, each)]
    again = torch.is_grad_enabled()
    return [
        checkpoint(some, *part, use_reentrant=False, preserve_rng_state=False)
        if again
        else some(*part)
        for part in zip(hidden.split(rows), each.split(rows), strict=True)
    ]


def pieces(
    head: Head, hidden: States, targets: Targets, temperature: float = 1.0, piece: int = 0
) -> Iterator[tuple[Targets, Logits]]:
    """Yield targets [n] and their float32 logits [n, V], piece by piece, without gradient."""
    rows = _rows(head, hidden, piece)
    for part, chosen in zip(hidden.split(rows), targets.split(rows), strict=True):
        yield chosen, _logits(head, part, temperature)


def _logits(head: Head, hidden: States, temperature: float) -> Logits:
    logits = head(hidden).float()
    return logits if temperature == 1.0 else logits / temperature


def _rows(head: Head, hidden: States, piece: int) -> int:
    width = getattr(head, "out_features", None) or head(hidden[:1].detach()).shape[-1]
    return max(1, (piece or PIECE) // width)


def entropies(logits: Logits, rows: int = 128) -> PerToken:
    """Entropy of each next-token distribution in nats, float32 [N], without gradient.

    Args:
        logits: [N, V], read `rows` at a time, so that memory holds no second [N, V].
    """
    found: list[Tensor] = []
    with torch.no_grad():
        for part in logits.split(rows):
            below = part - part.amax(-1, keepdim=True)
            weight = below.exp()
            total = weight.sum(-1)
            found.append(total.log() - torch.linalg.vecdot(weight, below) / total)
    return torch.cat(found)


class _LogProb(torch.autograd.Function):
    """logit of the target - logsumexp, whose gradient is written in one buffer, not in three."""

    @staticmethod
    def forward(ctx: Any, logits: Logits, targets: Targets) -> PerToken:
        total = logits.logsumexp(-1, keepdim=True)
        ctx.save_for_backward(logits, targets, total)
        return (logits.gather(1, targets.unsqueeze(1)) - total).squeeze(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: PerToken) -> tuple[Logits, None]:
        logits, targets, total = ctx.saved_tensors
        gradient = gradient.unsqueeze(1)
        found = (logits - total).exp_().mul_(-gradient)
        return found.scatter_add_(1, targets.unsqueeze(1), gradient), None
