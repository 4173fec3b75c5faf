"""Batches of short right and long wrong answers (RoRecomp, arXiv 2509.25958 §3)."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field, PrivateAttr

from envgym.trainers.batching.base import Batching
from envgym.trainers.batching.sample_buffer import Buffer, newest, oldest
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register


@register("rorecomp")
class RoRecomp(Batching):
    """A priority batch: the shortest α of the right episodes and the longest α of the wrong ones.

    The others join a buffer, first in, first out. When it is full, with probability p its oldest
    make a compensation batch, as large as the priority batch, for an update of its own; the oldest
    episodes beyond the capacity are dropped. p falls along a cosine over
    ``decay_steps``. Length is the number of sampled tokens, compared over the whole step and not by
    group.

    The paper's α and p are not public; the defaults here are ours.

    Trap: advantages are those of whole groups, computed before the selection. Older policies
    sampled the buffered episodes: their own log-probs are the ratio's denominator, and the loss
    must clip it. With no compensation at all the policy collapses to short answers.
    """

    share: float = Field(
        0.5, gt=0, le=1, description="Share α of the right and of the wrong episodes to take."
    )
    success: float = Field(1.0, ge=0, le=1, description="Score from which an episode is right.")
    compensation: float = Field(
        0.5, ge=0, le=1, description="Probability p of a compensation batch at the first step."
    )
    decay_steps: int = Field(
        0, ge=0, description="Number of steps over which p falls to 0; 0 keeps p."
    )
    capacity: int = Field(512, ge=1, description="Number of episodes that fill the buffer.")
    _buffer: Buffer = PrivateAttr(default_factory=lambda: Buffer(0))
    _steps: int = PrivateAttr(0)
    _report: dict[str, float] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any) -> None:
        """Create the buffer."""
        self._buffer.capacity = self.capacity

    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Yield the priority batch and, when due, a compensation batch."""
        samples = self.candidates(groups)
        now = newest([sample for group in groups for sample in group])
        right = [s for s in samples if s.episode.score >= self.success]
        wrong = [s for s in samples if s.episode.score < self.success]
        right.sort(key=lambda s: s.tokens)
        wrong.sort(key=lambda s: -s.tokens)
        cut, end = math.ceil(self.share * len(right)), math.ceil(self.share * len(wrong))
        priority = right[:cut] + wrong[:end]
        self._buffer.add(right[cut:] + wrong[end:])
        late: list[Sample] = []
        full = len(self._buffer) >= self.capacity
        if full and random.Random(seed).random() < self._probability():
            late = self._buffer.take(len(priority))
        dropped = self._buffer.trim()
        self._steps += 1
        self._report = {
            "compose/priority": float(len(priority)),
            "compose/compensation": float(len(late)),
            "compose/buffered": float(len(self._buffer)),
            "compose/dropped": float(dropped),
            "compose/staleness": float(max((now - oldest(s) for s in late), default=0)),
        }
        yield from (batch for batch in (priority, late) if batch)

    def report(self) -> dict[str, float]:
        """Number of episodes per batch, buffered and dropped; age of the oldest trained token."""
        return self._report

    def state(self) -> dict[str, Any]:
        """The buffer, and the number of steps done."""
        return {"steps": self._steps, "buffer": self._buffer.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the buffer and the number of steps."""
        self._steps = state["steps"]
        self._buffer.load(state["buffer"])

    def _probability(self) -> float:
        if not self.decay_steps:
            return self.compensation
        done = min(1.0, self._steps / self.decay_steps)
        return self.compensation * (1 + math.cos(math.pi * done)) / 2
