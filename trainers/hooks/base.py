"""Interface of hooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from envgym.agent import PolicyAgent
from envgym.trainers.plugin import Plugin
from envgym.trajectory import Episode

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Training(Protocol):
    """Part of a `Trainer` that a hook may see and change.

    Attributes:
        config: Settings of the run.
        step_number: Number of steps done.
        model: Policy's model.
        agent: Agent that samples from it; it takes new weights by `update_weights`.
    """

    config: Any
    step_number: int
    model: PreTrainedModel
    agent: PolicyAgent

    async def evaluate(self, *, split: str | None = None) -> tuple[Any, list[Episode]]:
        """Evaluate on tasks of a split; return scores and episodes."""


class Hook(Plugin):
    """Plug-in called at fixed moments of a run; only `change` may change anything."""

    point: ClassVar[str] = "hook"

    def begin(self, directory: Path, step: int) -> None:
        """Handle the start of a run in `directory`, or its resumption after `step`."""

    def step_end(self, step: int, metrics: dict[str, float]) -> None:
        """Handle the end of a step; `metrics` are those of ``metrics.jsonl``."""

    def episodes_played(self, step: int, episodes: Sequence[Episode]) -> None:
        """Handle a step's episodes, quarantined ones (with a `fault`) included."""

    async def change(self, trainer: Training) -> dict[str, float]:
        """Handle the moment before the first step and after each; return metrics of the step.

        It may change the policy's weights, and then lets the agent know (`update_weights`).
        """
        return {}

    def end(self) -> None:
        """Handle the end or the interruption of the run."""
