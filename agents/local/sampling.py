"""How tokens are drawn: per-request seeds, vectorised over the rows of a step.

A request's sample depends on its seed and its logits alone, never on which other requests share
the batch: each request brings its own uniforms, and a token is their inverse through the CDF.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class SamplingParams:
    """Settings of one generation.

    Attributes:
        max_tokens: Most tokens to sample.
        temperature: 0 is greedy. Log-probs are those of softmax(logits / temperature) over the
            whole vocabulary (temperature 1 when greedy), so that a learner computes the same.
        top_p: Nucleus: the smallest set of tokens with at least this probability.
        top_k: The k likeliest tokens; 0 for all. Log-probs are not renormalised over what top-p
            and top-k keep: train with them off, or correct for the difference.
        stop_ids: A sampled id in here ends the generation; it is part of the output.
        seed: Makes the sample repeatable; None draws fresh entropy.
    """

    max_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    stop_ids: tuple[int, ...] = ()
    seed: int | None = None

    def uniforms(self) -> np.ndarray:
        """One uniform a token, float64 [max_tokens]."""
        if self.temperature == 0:
            return np.zeros(self.max_tokens)
        return np.random.Generator(np.random.PCG64(self.seed)).random(self.max_tokens)


def sample(
    logits: Tensor, params: list[SamplingParams], uniforms: np.ndarray
) -> tuple[list[int], list[float]]:
    """Draw one token a row.

    Args:
        logits: [B, V].
        params: B settings.
        uniforms: [B] in [0, 1).

    Returns:
        B token ids and B log-probs.
    """
    logits = logits.float()
    temperatures = [p.temperature or 1.0 for p in params]
    if any(t != 1.0 for t in temperatures):
        logits = logits / torch.tensor(temperatures, device=logits.device).unsqueeze(1)
    logps = torch.log_softmax(logits, dim=-1)
    if all(p.temperature == 0 for p in params):
        ids = logps.argmax(-1)
    else:
        cut = _cut(logps, params)
        # float64: a float32 cumulative sum over a large vocabulary drifts by more than a token
        cdf = cut.double().exp().cumsum(-1)
        points = torch.from_numpy(uniforms).to(cdf.device).unsqueeze(1) * cdf[:, -1:]
        ids = torch.searchsorted(cdf, points, right=True).squeeze(1)
        ids = ids.clamp_(max=logits.shape[1] - 1)
        greedy = torch.tensor([p.temperature == 0 for p in params], device=ids.device)
        ids = torch.where(greedy, logps.argmax(-1), ids)
    chosen = logps.gather(1, ids.unsqueeze(1)).squeeze(1)
    return ids.tolist(), chosen.tolist()


def _cut(logps: Tensor, params: list[SamplingParams]) -> Tensor:
    """Log-probs with what top-k and top-p leave out set to -inf."""
    if all(p.top_p >= 1.0 and p.top_k <= 0 for p in params):
        return logps
    ranked, order = logps.sort(dim=-1, descending=True)
    vocabulary = logps.shape[1]
    top_k = torch.tensor([p.top_k or vocabulary for p in params], device=logps.device)
    top_p = torch.tensor([p.top_p for p in params], device=logps.device)
    before = ranked.exp().cumsum(-1) - ranked.exp()
    place = torch.arange(vocabulary, device=logps.device)
    dropped = (place >= top_k.unsqueeze(1)) | ((before >= top_p.unsqueeze(1)) & (place > 0))
    return logps.masked_fill(dropped.scatter(1, order, dropped), float("-inf"))
