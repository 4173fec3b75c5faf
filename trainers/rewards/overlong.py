"""Soft overlong punishment (DAPO, arXiv 2503.14476, eq. 13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward


@register("overlong")
class Overlong(Reward):
    """Reward 0 up to ``limit - buffer`` action tokens, then linear down to -1 at ``limit``.

    Trap: count sampled tokens only. Tool output is not the policy's length.
    """

    charges: ClassVar[bool] = True
    limit: int = Field(
        gt=0, description="Number of action tokens from which the full penalty applies."
    )
    buffer: int = Field(
        gt=0, description="Number of tokens before the limit over which the penalty grows."
    )
    scale: float = Field(1.0, description="Size of the full penalty.")

    def conflict(self, config: Any) -> str | None:
        """Report a buffer over the limit: an episode without a token would be punished."""
        if self.buffer > self.limit:
            return (
                f"its buffer of {self.buffer} tokens is over its limit of {self.limit}: set "
                "buffer to the limit or less"
            )
        return None

    def __call__(self, groups: Sequence[Group]) -> None:
        """Subtract from long episodes' rewards."""
        for group in groups:
            for sample in group:
                over = (sample.tokens - (self.limit - self.buffer)) / self.buffer
                sample.add_reward(self.name, -self.scale * min(1.0, max(0.0, over)))
