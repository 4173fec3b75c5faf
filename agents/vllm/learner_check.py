"""Comparison of a server with the learner after an update: same ids, same log-probs.

A server can confirm every step and still sample from other weights: a layer that a reload left out,
a checkpoint of another run, log-probs of another kind. A few sampled tokens tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from envgym.agents.vllm.inference_server import InferenceServer
from envgym.agents.vllm.token_protocols import SampledTurn
from envgym.agents.vllm.transports.base import LearnerWeights
from envgym.errors import Fault
from envgym.utils.http_client import Refused

SAMPLED = 8
"""Number of tokens that a comparison samples."""

Sample = Callable[[InferenceServer, Sequence[int], int], Awaitable[SampledTurn]]
"""Samples so many tokens after some ids, at the run's temperature."""


class LearnerCheck:
    """Check of servers against the learner's model, and against each other.

    Args:
        weights: The learner's weights.
        sample: Samples from a server.
        ids: Context of the comparison.
        temperature: Sampling temperature; the learner's log-probs are computed with it.
        tolerance: Largest absolute difference of log-probs that is taken, in nats.
    """

    def __init__(
        self,
        weights: LearnerWeights,
        sample: Sample,
        ids: Sequence[int],
        temperature: float,
        tolerance: float,
    ) -> None:
        self._weights, self._sample, self._ids = weights, sample, list(ids)
        self._temperature, self._tolerance = temperature, tolerance
        self._sums: tuple[str, str, dict[str, str]] = ("", "", {})

    async def __call__(self, server: InferenceServer, label: str) -> None:
        """Check a server that has the weights of this label.

        Raises:
            Fault: It differs from the learner, or from another server with the same label.
        """
        await self._compare_sums(server, label)
        turn = await self._sample(server, self._ids, SAMPLED)
        ids = [*self._ids, *turn.ids]
        own = await asyncio.to_thread(self._weights.logprobs, ids, len(turn.ids), self._temperature)
        worst = max((abs(a - b) for a, b in zip(own, turn.logprobs, strict=True)), default=0.0)
        if not worst <= self._tolerance:
            raise Fault(
                f"its log-probs differ from the learner's by up to {worst:.3g} (allowed is "
                f"{self._tolerance:g}): its weights are not the learner's; or its precision is "
                "lower, which needs a larger tolerance; or a temperature other than 1 needs "
                "--logprobs-mode processed_logprobs; or, on a CPU, vLLM 0.32 has not reloaded a "
                "tied output head: start it with --hf-overrides "
                "'{\"tie_word_embeddings\": false}'"
            )

    async def _compare_sums(self, server: InferenceServer, label: str) -> None:
        """Compare checksums of equal parameters at two servers, where servers compute them."""
        try:
            found = (await server.post("/weight_checker", {"action": "checksum"}))["checksums"]
        except (Refused, KeyError):
            return
        known_label, url, known = self._sums
        if known_label != label:
            self._sums = label, server.url, found
            return
        differing = sorted(n for n in found.keys() & known.keys() if found[n] != known[n])
        if differing:
            raise Fault(f"the weight {differing[0]} has another checksum than at {url}")
