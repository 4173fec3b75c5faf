"""Staleness that is exact and can be repeated, in a loop that waits for itself.

It is what asynchronous training does to a batch's age (AReaL, arXiv 2505.24298 §5.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field, PrivateAttr

from envgym.trainers.batching.minibatch import Shuffled
from envgym.trainers.batching.sample_buffer import Buffer, oldest
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register


@register("delayed")
class Delayed(Shuffled):
    """``shuffled``, of the episodes played ``steps`` steps ago: the first steps play without
    learning, then each batch is as old as an asynchronous trainer with a staleness of η = ``steps``
    makes it. 0 is ``shuffled``.

    For the study of what staleness costs, and which loss bears it: nothing is gained in time here.

    Trap: the first ``steps`` steps find nothing to learn from: ``learner.max_idle_steps`` is to allow
    them. A ratio is to the policy that sampled, whose log-prob is recorded.
    """

    name: str = "delayed"
    steps: int = Field(4, ge=0, description="η: how old a batch is when it is trained on.")
    _buffer: Buffer = PrivateAttr(default_factory=lambda: Buffer(0))
    _sizes: list[int] = PrivateAttr(default_factory=list)
    _report: dict[str, float] = PrivateAttr(default_factory=dict)

    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Yield ``epochs × batches`` batches of what was played then; none while there is none."""
        played = self.candidates(groups)
        now = max((oldest(sample) for sample in played), default=0)
        self._buffer.add(played)
        self._sizes.append(len(played))
        due = self._buffer.take(self._sizes.pop(0)) if len(self._sizes) > self.steps else []
        self._report = {
            "compose/waiting": float(len(self._buffer)),
            "compose/staleness": float(max((now - oldest(sample) for sample in due), default=0)),
        }
        yield from super().__call__([due], seed)

    def conflict(self, config: Any) -> str | None:
        """Steps without learning that the learner would take for the end."""
        if config.learner.max_idle_steps < self.steps:
            return (
                f"the first {self.steps} steps have nothing to learn from yet: set "
                f"learner.max_idle_steps to {self.steps} or more"
            )
        return None

    def report(self) -> dict[str, float]:
        """Episodes that wait; the age of the oldest trained token, in versions."""
        return self._report

    def state(self) -> dict[str, Any]:
        """What waits, and how many of each step."""
        return {"sizes": self._sizes, "buffer": self._buffer.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._sizes = list(state["sizes"])
        self._buffer.load(state["buffer"])
