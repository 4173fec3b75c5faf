"""Prediction of weight changes from their rank-1 parts (NExt, arXiv 2604.11446).

Every matrix's change is cut to its largest singular triple (u, σ, v). A small network per shape and
part maps the change since the start and the latest one to the change to come.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Triple = tuple[Tensor, Tensor, Tensor]
"""Left vector [m], singular value [1] and right vector [n] of a matrix [m, n], float32."""

_HIDDEN = 256


@dataclass(frozen=True)
class Fit:
    """Settings of the networks' training: epochs over all examples, AdamW's first rate, seed."""

    epochs: int = 1000
    lr: float = 2e-5
    seed: int = 0


def rank_one(change: Tensor) -> Triple:
    """Largest singular triple; of its two signs the one where u's largest entry is positive."""
    left, values, right = torch.linalg.svd(change.float(), full_matrices=False)
    u, v = left[:, 0], right[0]
    sign = 1.0 if u[u.abs().argmax()] >= 0 else -1.0
    return sign * u, values[:1], sign * v


def predict(snapshots: Sequence[Mapping[str, Tensor]], ahead: int, fit: Fit) -> dict[str, Triple]:
    """Predict the change of each matrix over the next `ahead` snapshots; u and v have norm 1.

    Args:
        snapshots: Matrices by name at even distances in time, oldest first; at least `ahead` + 2.
    """
    last = len(snapshots) - 1
    by_shape: dict[torch.Size, list[str]] = {}
    for name, matrix in snapshots[0].items():
        by_shape.setdefault(matrix.shape, []).append(name)
    found: dict[str, Triple] = {}
    for names in by_shape.values():
        examples: list[tuple[Triple, Triple, Triple]] = []
        for name in names:
            w = [snapshot[name] for snapshot in snapshots]
            for t in range(1, last - ahead + 1):
                past = rank_one(w[t] - w[0]), rank_one(w[t] - w[t - 1])
                examples.append((*past, rank_one(w[t + ahead] - w[t])))
        now = [
            (rank_one(new - first), rank_one(new - before))
            for first, before, new in (
                (snapshots[0][name], snapshots[-2][name], snapshots[-1][name]) for name in names
            )
        ]
        parts = [_of_part(examples, now, part, fit) for part in range(3)]
        for index, name in enumerate(names):
            u, value, v = (part[index] for part in parts)
            found[name] = (_unit(u), value.clamp(min=0.0), _unit(v))
    return found


def _of_part(
    examples: Sequence[tuple[Triple, Triple, Triple]],
    now: Sequence[tuple[Triple, Triple]],
    part: int,
    fit: Fit,
) -> Tensor:
    """Predictions of one part of the triples, [matrices, d], by a network fitted to examples."""
    since, latest, wanted = (torch.stack([e[i][part] for e in examples]) for i in range(3))
    with torch.random.fork_rng():
        torch.manual_seed(fit.seed)
        network = _Branches(since.shape[1]).to(since.device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=fit.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda epoch: 0.55 + 0.45 * math.cos(math.pi * min(1.0, epoch / fit.epochs))
    )
    with torch.enable_grad():
        for _ in range(fit.epochs):
            optimizer.zero_grad()
            torch.nn.functional.l1_loss(network(since, latest), wanted).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        told: Tensor = network(*(torch.stack([pair[i][part] for pair in now]) for i in range(2)))
    return told


class _Branches(torch.nn.Module):
    """Two branches, of the change since the start and of the latest one, then a linear layer."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.since, self.latest = (
            torch.nn.Sequential(
                torch.nn.Linear(size, _HIDDEN),
                torch.nn.Linear(_HIDDEN, size),
                torch.nn.ReLU(),
                torch.nn.Linear(size, _HIDDEN),
                torch.nn.Linear(_HIDDEN, size),
            )
            for _ in range(2)
        )
        self.out = torch.nn.Linear(2 * size, size)

    def forward(self, since: Tensor, latest: Tensor) -> Tensor:
        told: Tensor = self.out(torch.cat([self.since(since), self.latest(latest)], 1))
        return told


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm().clamp(min=1e-12)
