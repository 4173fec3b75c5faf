"""Re-rolls with hints that vanish from the loss (Guide, Adaptive Guidance, arXiv 2506.13923)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from envgym.trainers.guidance.reroll import Reroll
from envgym.trainers.plugin import register


@register("guide")
class Guide(Reroll):
    """Group y_i ~ π(· | x); all fail: y_i ~ π(· | x, h), trained as if sampled from π(· | x).

    Level k shows the k weakest hints. The log-probs of the record are those under (x, h), the
    loss's those under x alone: ratio π(y | x) / π_old(y | x, h), which the loss ``guide`` weighs.
    Its source plays one hint, with the reference solution as an optional second level. It trains on
    groups whose scores differ, as `rollout.dynamic_rounds` does.

    Trap: hints only where *all* members fail: with hints for everyone the policy leans on them.
    Old log-probs recomputed without the hint would make every ratio 1 and correct nothing.
    """

    most_levels: int = Field(
        2, ge=1, description="Maximum number of levels; each plays a failed group once more."
    )

    def levels(self, hints: Sequence[str], step: int) -> list[Sequence[str]]:
        """The weakest hint, then the two weakest, and so on."""
        return [hints[: k + 1] for k in range(min(len(hints), self.most_levels))]
