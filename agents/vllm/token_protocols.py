"""Token protocols: requests with token ids, and replies with ids, log-probs and weight labels.

``/inference/v1/generate`` is vLLM's protocol for samplers; ``/v1/completions`` with ids as its
prompt serves where a server has only that. Chat completions render messages themselves, so that the
ids in front of the model need not be those that the learner trains on: they are not used.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from envgym.errors import Fault

_MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True)
class TurnRequest:
    """One turn to sample.

    Attributes:
        ids: Token ids of the whole context.
        max_tokens: Maximum number of ids to sample.
        stop_ids, stop_text: Ids and texts that end the turn.
        session: Name of the conversation, for servers that route or cache by it.
        salt: Keys and values are shared within it alone; empty sends none.
    """

    ids: Sequence[int]
    max_tokens: int
    temperature: float
    seed: int
    stop_ids: Sequence[int] = ()
    stop_text: Sequence[str] = ()
    session: str = ""
    salt: str = ""


@dataclass(frozen=True)
class LabelSpan:
    """Sampled ids `[start, end)`, made by the weights with this label."""

    label: str
    start: int
    end: int


@dataclass(frozen=True)
class SampledTurn:
    """Reply of a server.

    Attributes:
        spans: Labels of the weights by span; None where the server does not tell.
    """

    ids: list[int]
    logprobs: list[float]
    finish: str
    spans: list[LabelSpan] | None


class TokenProtocol(ABC):
    """Form of requests and replies."""

    path: ClassVar[str]

    @abstractmethod
    def body(self, turn: TurnRequest, model: str, request_id: str) -> dict[str, Any]:
        """Write the body of a request."""

    @abstractmethod
    def read(self, answer: Mapping[str, Any], turn: TurnRequest) -> SampledTurn:
        """Read a reply.

        Raises:
            Fault: It lacks ids or log-probs, or they do not fit together.
        """


def _sampling(turn: TurnRequest) -> dict[str, Any]:
    """Sampling parameters that both protocols have; every default of a server is overridden."""
    return {
        "max_tokens": turn.max_tokens,
        "temperature": turn.temperature,
        "top_p": 1.0,
        "top_k": 0,
        "seed": turn.seed,
        "stop": list(turn.stop_text),
        "stop_token_ids": list(turn.stop_ids),
        "include_stop_str_in_output": True,
        "skip_special_tokens": False,
        "spaces_between_special_tokens": False,
    }


class GenerateProtocol(TokenProtocol):
    """vLLM's ``/inference/v1/generate``."""

    path = "/inference/v1/generate"

    def body(self, turn: TurnRequest, model: str, request_id: str) -> dict[str, Any]:
        """Write the body of a request."""
        return {
            "request_id": request_id,
            "model": model,
            "token_ids": list(turn.ids),
            "sampling_params": _sampling(turn) | {"logprobs": 0},
            **({"cache_salt": turn.salt} if turn.salt else {}),
        }

    def read(self, answer: Mapping[str, Any], turn: TurnRequest) -> SampledTurn:
        """Read a reply."""
        try:
            choice = answer["choices"][0]
            ids = _ids(choice["token_ids"])
            finish = choice["finish_reason"]
            content = (choice["logprobs"] or {}).get("content") or []
            named = [(int(entry["token_id"]), float(entry["logprob"])) for entry in content]
            found = choice.get("weight_versions")
            spans = found if found is None else [_span(span, len(ids)) for span in found]
        except _MALFORMED as error:
            raise _misread(answer, error) from error
        if finish not in ("stop", "length"):
            return SampledTurn(ids, [], str(finish), spans)
        if [token for token, _ in named] != ids:
            raise Fault(
                "the server gave log-probs of other tokens than it sampled: "
                f"{[token for token, _ in named][:8]} for {ids[:8]}"
            )
        return SampledTurn(ids, _finite([p for _, p in named]), finish, spans)


class CompletionsProtocol(TokenProtocol):
    """``/v1/completions`` with ids as the prompt and ``return_token_ids``."""

    path = "/v1/completions"

    def body(self, turn: TurnRequest, model: str, request_id: str) -> dict[str, Any]:
        """Write the body of a request."""
        return {
            "request_id": request_id,
            "model": model,
            "prompt": list(turn.ids),
            "logprobs": 0,
            "return_token_ids": True,
            **_sampling(turn),
            **({"cache_salt": turn.salt} if turn.salt else {}),
        }

    def read(self, answer: Mapping[str, Any], turn: TurnRequest) -> SampledTurn:
        """Read a reply; the prompt must have been the ids that were sent."""
        try:
            choice = answer["choices"][0]
            ids, prompt = _ids(choice["token_ids"]), _ids(choice["prompt_token_ids"])
            finish = choice["finish_reason"]
            logprobs = [float(p) for p in (choice["logprobs"] or {}).get("token_logprobs") or []]
        except _MALFORMED as error:
            raise _misread(answer, error) from error
        if prompt != list(turn.ids):
            raise Fault("the server put other ids in front of the model than it was sent")
        if finish not in ("stop", "length"):
            return SampledTurn(ids, [], str(finish), None)
        if len(logprobs) != len(ids):
            raise Fault(f"the server gave {len(logprobs)} log-probs for {len(ids)} tokens")
        return SampledTurn(ids, _finite(logprobs), finish, None)


PROTOCOLS: tuple[TokenProtocol, ...] = (GenerateProtocol(), CompletionsProtocol())
"""The protocols, the one that tells most first."""


def _ids(values: Any) -> list[int]:
    ids = list(values)
    if not all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in ids):
        raise ValueError("a token id that is none")
    return ids


def _finite(logprobs: list[float]) -> list[float]:
    if not all(map(math.isfinite, logprobs)):
        raise Fault("the server gave log-probs that are not finite: its weights have diverged")
    return logprobs


def _span(span: Mapping[str, Any], count: int) -> LabelSpan:
    read = LabelSpan(str(span["version"]), int(span["start"]), int(span["end"]))
    if not 0 <= read.start <= read.end <= count:
        raise ValueError(f"a span {read.start} to {read.end} of {count} tokens")
    return read


def _misread(answer: Mapping[str, Any], error: Exception) -> Fault:
    return Fault(f"the server's reply cannot be read ({error!r}): {str(answer)[:300]}")
