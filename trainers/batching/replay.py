"""Replay: episodes of earlier steps beside the fresh ones, while their tokens are young enough.

The bound on age is AReaL's (arXiv 2505.24298 §5.1): the age of a token is the number of policy
updates between the policy that sampled it and the one that would train on it. A trajectory may hold
tokens of several versions, so each token keeps its own, and the oldest decides.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field, PrivateAttr

from envgym.trainers.batching.minibatch import Shuffled
from envgym.trainers.batching.sample_buffer import Buffer, newest, oldest
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register


@register("replay")
class Replay(Shuffled):
    """``shuffled``, with ``ratio`` replayed episodes for each fresh one: drawn without replacement
    from the kept episodes whose oldest token is at most ``max_staleness`` versions old.

    The buffer keeps every episode that carries any credit, until it is too old, was replayed
    ``uses`` times, or more than ``capacity`` episodes came after it. With a
    ``max_staleness`` of 0 nothing is ever young enough: it is then ``shuffled`` exactly.

    Trap: the ratio of a replayed token is to the policy that sampled it, whose log-prob is
    recorded, and not to a recomputed one (a ratio of 1 would hide how old it is). Its advantage is
    the one of its own group, never recomputed against fresh ones. Plain clipping degrades from
    about four versions on (AReaL, table 3): take a decoupled loss there.
    """

    ratio: float = Field(0.5, gt=0, description="Number of replayed episodes per fresh episode.")
    max_staleness: int = Field(
        4, ge=0, description="Maximum age of a replayed token, in policy versions."
    )
    uses: int = Field(1, ge=1, description="Maximum number of replays per episode.")
    capacity: int = Field(1024, ge=1, description="Maximum number of kept episodes.")
    _buffer: Buffer = PrivateAttr(default_factory=lambda: Buffer(0))
    _used: list[int] = PrivateAttr(default_factory=list)
    _report: dict[str, float] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any) -> None:
        """Create the buffer."""
        self._buffer.capacity = self.capacity

    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Yield ``epochs × batches`` batches of fresh and replayed samples."""
        fresh = self.candidates(groups)
        now = newest([sample for group in groups for sample in group])
        self._forget(now)
        count = min(round(self.ratio * len(fresh)), len(self._buffer))
        drawn = random.Random(f"replay:{seed}").sample(range(len(self._buffer)), count)
        replayed = [self._buffer.samples[i] for i in drawn]
        for i in drawn:
            self._used[i] += 1
        self._keep(fresh)
        self._report = {
            "compose/replayed": float(len(replayed)),
            "compose/buffered": float(len(self._buffer)),
            "compose/staleness": float(max((now - oldest(s) for s in replayed), default=0)),
        }
        yield from super().__call__([fresh, replayed], seed)

    def report(self) -> dict[str, float]:
        """Number of episodes replayed and kept; age of the oldest trained token, in versions."""
        return self._report

    def state(self) -> dict[str, Any]:
        """The buffer, and the number of uses of each of its episodes."""
        return {"used": self._used, "buffer": self._buffer.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the buffer and the uses."""
        self._used = list(state["used"])
        self._buffer.load(state["buffer"])

    def _forget(self, now: int) -> None:
        """Drop episodes that are too old or were used often enough."""
        kept = [
            (sample, used)
            for sample, used in zip(self._buffer.samples, self._used, strict=True)
            if used < self.uses and now - oldest(sample) <= self.max_staleness
        ]
        self._buffer.samples = [sample for sample, _ in kept]
        self._used = [used for _, used in kept]

    def _keep(self, fresh: Sequence[Sample]) -> None:
        credited = [s for s in fresh if any(turn.any() for turn in s.advantages)]
        self._buffer.add(credited)
        self._used += [0] * len(credited)
        dropped = self._buffer.trim()
        self._used = self._used[dropped:]
