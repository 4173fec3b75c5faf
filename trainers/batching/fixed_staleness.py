"""Batches of a fixed staleness, exact and repeatable, in a synchronous loop.

They are as old as asynchronous training makes them (AReaL, arXiv 2505.24298 §5.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

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

    It serves to study the cost of staleness and which loss bears it; it saves no time.

    Trap: the first ``steps`` steps find nothing to learn from: ``learner.max_idle_steps`` must
    allow them. A ratio is to the policy that sampled, whose log-prob is recorded.
    """

    keeps_pairs: ClassVar[bool] = False  # its buffer stores none
    steps: int = Field(
        4, ge=0, description="Staleness η of a batch when it is trained on, in steps."
    )
    _buffer: Buffer = PrivateAttr(default_factory=lambda: Buffer(0))
    _sizes: list[int] = PrivateAttr(default_factory=list)
    _report: dict[str, float] = PrivateAttr(default_factory=dict)

    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Yield ``epochs × batches`` batches of the episodes due; none in the first steps."""
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
        """Report first steps without learning that the learner would stop at."""
        if config.learner.max_idle_steps < self.steps:
            return (
                f"the first {self.steps} steps have nothing to learn from yet: set "
                f"learner.max_idle_steps to {self.steps} or more"
            )
        return None

    def report(self) -> dict[str, float]:
        """Number of waiting episodes; age of the oldest trained token, in policy versions."""
        return self._report

    def state(self) -> dict[str, Any]:
        """Waiting samples, and their number per step."""
        return {"sizes": self._sizes, "buffer": self._buffer.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the waiting samples."""
        self._sizes = list(state["sizes"])
        self._buffer.load(state["buffer"])
