"""Samples kept for a later step: bounded, oldest first, and the same after a checkpoint.

Kept is what a later update reads: tokens, log-probs, versions, rewards, advantages, a critic's
targets. What people read (messages, texts, the task) stands in the recorded episodes and is left
out, in memory as on disk; so is what served the step alone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from envgym.errors import UsageError
from envgym.store.json_rows import episode_line, episode_of
from envgym.store.token_arrays import TurnTokens, pack
from envgym.task import Task
from envgym.trainers.collection.samples import Sample
from envgym.trajectory import KINDS, Turn

_PASSING: dict[str, Any] = {  # fields of a sample that the advantages read, or each update anew
    "turn_rewards": [],
    "token_rewards": [],
    "components": {},
    "proximal": None,
    "reference": None,
    "norms": None,
}


class Buffer:
    """First in, first out.

    Args:
        capacity: Most samples it holds.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.samples: list[Sample] = []

    def __len__(self) -> int:
        return len(self.samples)

    def add(self, samples: Iterable[Sample]) -> None:
        """Put samples in; `trim` keeps the bound."""
        self.samples += [_bare(sample) for sample in samples]

    def take(self, count: int) -> list[Sample]:
        """The oldest `count`, out of the buffer."""
        taken, self.samples = self.samples[:count], self.samples[count:]
        return taken

    def trim(self) -> int:
        """Drop the oldest beyond the capacity; says how many."""
        return len(self.take(max(0, len(self) - self.capacity)))

    def state(self) -> dict[str, Any]:
        """As JSON values; the arrays are a safetensors file's bytes in base 64."""
        turns: list[Turn] = []
        rows = []
        kept = [replace(sample, **_PASSING) for sample in self.samples]
        for sample in kept:
            rows.append(
                {
                    "episode": json.loads(episode_line(sample.episode, len(turns))),
                    **{name: getattr(sample, name) for name in _plain(sample)},
                }
            )
            turns += sample.trajectory.turns
        return {
            "kinds": list(KINDS),
            "tokens": _text(pack(turns)),
            "arrays": _text(save(_arrays(kept))),
            "samples": rows,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Hold what `state` holds."""
        tokens = TurnTokens(load(base64.b64decode(state["tokens"])), state["kinds"])
        arrays = load(base64.b64decode(state["arrays"]))
        self.samples = []
        for index, row in enumerate(state["samples"]):
            episode = episode_of(row.pop("episode"), tokens)
            sample = Sample(episode, episode.trajectory, **row)
            for field in fields(Sample):
                if f"{index}.{field.name}" in arrays:
                    parts = np.cumsum(arrays[f"{index}.{field.name}.lengths"])[:-1]
                    setattr(sample, field.name, np.split(arrays[f"{index}.{field.name}"], parts))
            self.samples.append(sample)


def newest(samples: Sequence[Sample]) -> int:
    """The newest policy version that sampled any of their tokens.

    Raises:
        UsageError: The version of a token is not known.
    """
    return max((max(_versions(sample)) for sample in samples), default=0)


def oldest(sample: Sample) -> int:
    """The oldest policy version that sampled any of its tokens: what its age is counted from.

    Raises:
        UsageError: The version of a token is not known.
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
    """A copy without what people read, and without the other seats."""
    seat = sample.trajectory
    turns = [replace(turn, text="", messages=(), taken=None) for turn in seat.turns]
    trajectory = replace(seat, turns=turns, final=())
    episode = replace(sample.episode, task=Task({}), trajectories={seat.seat: trajectory})
    return replace(sample, episode=episode, trajectory=trajectory, **_PASSING)


def _plain(sample: Sample) -> list[str]:
    """The fields that are JSON values."""
    names = [f.name for f in fields(sample) if f.name not in ("episode", "trajectory")]
    return [name for name in names if not isinstance(getattr(sample, name), list)]


def _arrays(samples: Sequence[Sample]) -> dict[str, np.ndarray[Any, Any]]:
    """The fields that are an array a turn, laid end to end, with the lengths beside them."""
    found: dict[str, np.ndarray[Any, Any]] = {}
    for index, sample in enumerate(samples):
        for field in fields(sample):
            parts = getattr(sample, field.name)
            if isinstance(parts, list) and parts:
                found[f"{index}.{field.name}"] = np.concatenate(parts)
                found[f"{index}.{field.name}.lengths"] = np.array([len(p) for p in parts])
    return found


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
