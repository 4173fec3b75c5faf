"""Interface of transports, and of the learner's weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from envgym.agents.vllm.inference_server import InferenceServer


class LearnerWeights(Protocol):
    """The learner's model, as far as servers need it."""

    @property
    def module(self) -> Any:
        """The torch module, for transports that read its parameters."""

    def save(self, folder: Path) -> None:
        """Write a whole checkpoint to a new folder."""

    def logprobs(self, ids: Sequence[int], sampled: int, temperature: float) -> list[float]:
        """Log-probs of the last `sampled` of `ids`, under logits divided by the temperature."""


class Transport(ABC):
    """Way in which weights reach servers; `stage` once for a version, the rest for each server.

    Attributes:
        pause_mode: Fate of requests that run meanwhile: ``keep`` holds them and goes on under the
            new weights, ``wait`` lets them finish.
        model_name: Name that requests ask for; None for the name of the served model.
    """

    pause_mode: ClassVar[Literal["keep", "wait"]] = "keep"
    model_name: str | None = None

    @abstractmethod
    async def stage(self, version: int) -> None:
        """Make the learner's current weights ready to be sent, as `version`."""

    @abstractmethod
    async def send(self, server: InferenceServer) -> None:
        """Send the staged weights to a server.

        Raises:
            Refused, Unreachable, TooSlow, Fault: It failed.
        """

    async def finish(self, server: InferenceServer) -> None:
        """End the transfer to a server."""

    async def retire(self) -> None:
        """Remove what no server needs any more: all of them have the staged weights."""

    def forget(self, server: InferenceServer) -> None:
        """Drop what is known of a server: it may have been restarted."""

    async def close(self) -> None:
        """Release what the transport holds; safe to call twice."""
