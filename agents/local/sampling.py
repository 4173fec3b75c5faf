"""Batched sampling in which each request draws from its own random numbers.

A request's random numbers come from its seed alone: one uniform per token, turned into a token by
the inverse of the cumulative distribution. So a sample does not change with what else happens to
share the batch, which makes a rollout reproducible under continuous batching, and a step over 256
rows costs a handful of tensor operations instead of 256 generators.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from envgym.errors import UsageError


@dataclass(frozen=True)
class SamplingParams:
    """Sampling parameters of one generation.

    Attributes:
        max_tokens: Maximum number of ids to sample; at the maximum the generation ends with
            `finish="length"`.
        temperature: Logits are divided by it; 0 is greedy.
        top_p: Keep the smallest set of most likely ids whose probability reaches it (1 = all).
        top_k: Keep the `top_k` most likely ids (0 = all); applied before `top_p`.
        stop_ids: A sampled id in here ends the generation and is part of its output.
        seed: Seed of this request's own random numbers; `None` draws fresh entropy.

    Raises:
        UsageError: A value is out of its range.
    """

    max_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    stop_ids: tuple[int, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise UsageError(f"max_tokens must be at least 1, got {self.max_tokens}")
        if not self.temperature >= 0.0:
            raise UsageError(f"temperature must be 0 (greedy) or more, got {self.temperature}")
        if not 0.0 < self.top_p <= 1.0:
            raise UsageError(f"top_p must be in (0, 1], got {self.top_p}; 1 keeps every id")
        if self.top_k < 0:
            raise UsageError(f"top_k must be 0 (keep every id) or more, got {self.top_k}")
        if self.seed is not None and self.seed < 0:
            raise UsageError(f"seed must be 0 or more, or None, got {self.seed}")

    @property
    def greedy(self) -> bool:
        """Flag: the most likely id is taken each time."""
        return self.temperature == 0.0

    def uniforms(self, count: int) -> list[float]:
        """Draw `count` float32 numbers in [0, 1); a shorter list is a prefix of a longer one."""
        if self.greedy:
            return [0.0] * count
        generator = np.random.Generator(np.random.Philox(self.seed))
        draws: list[float] = generator.random(count, dtype=np.float32).tolist()
        return draws


class BatchSampler:
    """Sampler of one id per row of a batch with fixed parameters.

    Built when rows join or leave, called at every step.

    Args:
        params: The parameters of each row, in row order.
        device: Where the logits live.
    """

    def __init__(self, params: Sequence[SamplingParams], device: torch.device) -> None:
        self._device = device
        self._all_greedy = all(p.greedy for p in params)
        self._greedy: torch.Tensor | None = None
        if any(p.greedy for p in params):
            self._greedy = torch.tensor([p.greedy for p in params], device=device)
        self._temperature: torch.Tensor | None = None
        if any(p.temperature not in (0.0, 1.0) for p in params):
            column = [[1.0 if p.greedy else p.temperature] for p in params]
            self._temperature = torch.tensor(column, device=device)
        filtered = [
            i for i, p in enumerate(params) if not p.greedy and (p.top_k > 0 or p.top_p < 1.0)
        ]
        self._filtered: torch.Tensor | None = None
        if filtered:
            self._filtered = torch.tensor(filtered, device=device)
            self._top_k = torch.tensor([[params[i].top_k] for i in filtered], device=device)
            self._top_p = torch.tensor([[params[i].top_p] for i in filtered], device=device)

    def __call__(
        self, logits: torch.Tensor, uniforms: Sequence[float]
    ) -> tuple[list[int], list[float]]:
        """Sample a batch.

        Args:
            logits: `[rows, vocabulary]`, any float type.
            uniforms: One number in [0, 1) per row.

        Returns:
            The ids, and the log-probability of each under `softmax(logits / temperature)` over the
            whole vocabulary. `top_p` and `top_k` restrict what is drawn but do not renormalise
            what is reported, so that a learner recomputes it from logits and temperature alone.
            A greedy row reports the log-probability at temperature 1.
        """
        logits = logits.float()
        if self._temperature is not None:
            logits = logits / self._temperature
        logprobs = torch.log_softmax(logits, dim=-1)
        if self._all_greedy:
            ids = logprobs.argmax(-1, keepdim=True)
        else:
            ids = self._draw(logprobs.exp(), torch.tensor(uniforms, device=self._device))
            if self._greedy is not None:
                best = logprobs.argmax(-1, keepdim=True)
                ids = torch.where(self._greedy[:, None], best, ids)
        chosen = logprobs.gather(-1, ids)
        return ids[:, 0].tolist(), chosen[:, 0].tolist()

    def _draw(self, probs: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
        """Inverse-CDF draw, `[rows, 1]`, from unnormalised `probs` `[rows, vocabulary]`."""
        if self._filtered is not None:
            probs[self._filtered] = self._keep_likely(probs[self._filtered])
        cumulative = probs.cumsum(-1)
        total = cumulative[:, -1:]
        # Rounding may carry uniform * total up to total, beyond which there is no id.
        target = torch.minimum(
            uniforms[:, None] * total, torch.nextafter(total, torch.zeros_like(total))
        )
        ids = torch.searchsorted(cumulative, target, right=True)
        return ids.clamp_(max=probs.shape[-1] - 1)  # only rows with NaN logits get here

    def _keep_likely(self, probs: torch.Tensor) -> torch.Tensor:
        """`probs` of the filtered rows with every id outside `top_k`, then `top_p`, set to 0."""
        ordered, order = probs.sort(dim=-1, descending=True)
        rank = torch.arange(probs.shape[-1], device=probs.device)
        ordered = ordered.masked_fill((self._top_k > 0) & (rank >= self._top_k), 0.0)
        share = ordered / ordered.sum(-1, keepdim=True)
        before = share.cumsum(-1) - share
        ordered = ordered.masked_fill((before >= self._top_p) & (rank > 0), 0.0)
        return torch.zeros_like(probs).scatter_(-1, order, ordered)
