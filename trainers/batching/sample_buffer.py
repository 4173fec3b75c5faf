"""Sample buffer: bounded, first in first out, and the same after a checkpoint.

It keeps the data that a later update reads: tokens, log-probs, versions, rewards, advantages, a
critic's targets. It leaves out, in memory as on disk, messages, texts and the task (the recorded
episodes have them) and data that only the step itself used.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from envgym.errors import UsageError
from envgym.store.json_rows import episode_line, episode_of
from envgym.store.token_arrays import TurnTokens, pack
from envgym.task import Task
from envgym.trainers.collection.samples import Sample
from envgym.trajectory import KINDS, Turn

_PASSING: dict[str, Any] = {  # fields of a sample that only rewards and advantages read
    "turn_rewards": [],
    "token_rewards": [],
    "components": {},
    "probes": [],
}
_KEPT = ("value",)  # token data that a critic's updates read; each step computes the rest anew

_FORMER = {"proximal": "prox_logp", "reference": "ref_logp", "values": "value", "kind": "role"}
_FORMER_ROLES = {"rl": "policy", "sft": "demonstration"}
"""Fields of a sample, and roles, as checkpoints of before the rename have them, to today's."""


class Buffer:
    """Queue of samples, first in, first out.

    Args:
        capacity: Maximum number of samples after `trim`.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.samples: list[Sample] = []

    def __len__(self) -> int:
        return len(self.samples)

    def add(self, samples: Iterable[Sample]) -> None:
        """Append samples; `trim` enforces the capacity."""
        self.samples += [_bare(sample) for sample in samples]

    def take(self, count: int) -> list[Sample]:
        """Remove and return the oldest `count` samples."""
        taken, self.samples = self.samples[:count], self.samples[count:]
        return taken

    def trim(self) -> int:
        """Drop the oldest samples beyond the capacity; return their number."""
        return len(self.take(max(0, len(self) - self.capacity)))

    def state(self) -> dict[str, Any]:
        """The buffer as JSON values; arrays are a safetensors file's bytes in base 64."""
        turns: list[Turn] = []
        rows = []
        for sample in self.samples:
            rows.append(
                {
                    "episode": json.loads(episode_line(sample.episode, len(turns))),
                    **{name: getattr(sample, name) for name in _PLAIN},
                }
            )
            turns += sample.trajectory.turns
        return {
            "kinds": list(KINDS),
            "tokens": _text(pack(turns)),
            "arrays": _text(save(_arrays(self.samples))),
            "samples": rows,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore the samples of `state`."""
        tokens = TurnTokens(load(base64.b64decode(state["tokens"])), state["kinds"])
        arrays = {
            ".".join(_FORMER.get(part, part) for part in name.split(".")): array
            for name, array in load(base64.b64decode(state["arrays"])).items()
        }
        self.samples = []
        for index, row in enumerate(state["samples"]):
            episode = episode_of(row.pop("episode"), tokens)
            plain = {_FORMER.get(name, name): value for name, value in row.items()}
            plain = {name: plain[name] for name in _PLAIN}
            plain["role"] = _FORMER_ROLES.get(plain["role"], plain["role"])
            sample = Sample(episode, episode.trajectory, **plain)
            for name in ("advantages", "returns", *_KEPT):
                if f"{index}.{name}" in arrays:
                    parts = np.cumsum(arrays[f"{index}.{name}.lengths"])[:-1]
                    setattr(sample, name, np.split(arrays[f"{index}.{name}"], parts))
            self.samples.append(sample)


def newest(samples: Sequence[Sample]) -> int:
    """Newest policy version that sampled any token of the samples.

    Raises:
        UsageError: A token's version is unknown.
    """
    return max((max(_versions(sample)) for sample in samples), default=0)


def oldest(sample: Sample) -> int:
    """Oldest policy version that sampled any token of the sample; its age counts from there.

    Raises:
        UsageError: A token's version is unknown.
    """
    return min(_versions(sample))


def _versions(sample: Sample) -> list[int]:
    versions = [v for turn in sample.trajectory.turns for v in turn.versions]
    if len(versions) != sample.tokens or any(
        len(turn.logprobs) != len(turn.action) for turn in sample.trajectory.turns
    ):
        raise UsageError(
            f"episode {sample.episode.id} lacks the log-prob or the version of a token, without "
            "which it cannot be kept for a later step: take batching 'shuffled', or an agent that "
            "gives both"
        )
    return versions or [0]


def _bare(sample: Sample) -> Sample:
    """A copy without texts and messages, and without the other seats."""
    seat = sample.trajectory
    turns = [replace(turn, text="", messages=(), taken=None) for turn in seat.turns]
    trajectory = replace(seat, turns=turns, final=())
    episode = replace(sample.episode, task=Task({}), trajectories={seat.seat: trajectory})
    data = {name: parts for name, parts in sample.token_data.items() if name in _KEPT}
    return replace(sample, episode=episode, trajectory=trajectory, token_data=data, **_PASSING)


_PLAIN = ("reward", "role", "skip")
"""Fields that are JSON values."""


def _arrays(samples: Sequence[Sample]) -> dict[str, np.ndarray[Any, Any]]:
    """Fields with one array per turn, laid end to end, with the lengths beside them."""
    found: dict[str, np.ndarray[Any, Any]] = {}
    for index, sample in enumerate(samples):
        for name in ("advantages", "returns", *_KEPT):
            if parts := sample.column(name):
                found[f"{index}.{name}"] = np.concatenate(parts)
                found[f"{index}.{name}.lengths"] = np.array([len(p) for p in parts])
    return found


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
