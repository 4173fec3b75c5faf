"""Request schemas of the model server: the fields of vLLM 0.32 and OpenAI that it understands.

A field that it does not know is refused with its name, because a setting that is silently ignored
(a penalty, a response format) would change what a client believes it measured.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TokenIds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
StopText = Annotated[str, Field(min_length=1, max_length=256)]
Stops = Annotated[list[StopText], Field(max_length=16)] | StopText
PauseMode = Literal["abort", "wait", "keep"]


class Body(BaseModel):
    """Base of request bodies."""

    model_config = ConfigDict(extra="forbid", strict=False)


class Sampling(Body):
    """vLLM's sampling parameters, those that the local engine has."""

    max_tokens: int | None = Field(None, ge=1, description="Maximum number of sampled tokens.")
    temperature: float = Field(1.0, ge=0, description="Sampling temperature; 0 is greedy.")
    top_p: float = Field(1.0, gt=0, le=1, description="Probability mass that is sampled from.")
    top_k: int = Field(0, ge=-1, description="Number of likely tokens; 0 and -1 take all.")
    seed: int | None = Field(None, ge=0, description="Seed of this request.")
    logprobs: Literal[0, 1] | None = Field(
        None, description="0 or 1 returns the log-probability of each sampled token."
    )
    stop: Stops = Field(default_factory=list, description="Texts that end it.")
    stop_token_ids: list[int] = Field(default_factory=list, description="Ids that end it.")
    n: Literal[1] = Field(1, description="Number of samples; one alone.")
    include_stop_str_in_output: bool = Field(
        False, description="Whether a text reply keeps the stop text; ids always keep it."
    )
    skip_special_tokens: bool = Field(
        True, description="Whether a text reply leaves special tokens out; ids always keep them."
    )
    spaces_between_special_tokens: bool = Field(
        True, description="Accepted as vLLM has it; ids are not affected."
    )

    @property
    def stops(self) -> tuple[str, ...]:
        """Stop texts as a tuple."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)


class Generate(Body):
    """Request of ``/inference/v1/generate``: token ids in, token ids out."""

    token_ids: TokenIds = Field(description="Ids of the whole context.")
    sampling_params: Sampling = Field(default_factory=Sampling, description="How to sample.")
    request_id: str | None = Field(None, description="Name of the request, for aborting it.")
    model: str | None = Field(None, description="Name of the served model.")
    cache_salt: str | None = Field(
        None, min_length=1, max_length=1024, description="Keys and values are shared within it."
    )
    session_id: str | None = Field(
        None, description="Conversation whose keys and values are kept for its next turn."
    )
    output_mode: Literal["tokens"] = Field("tokens", description="Replies hold ids alone.")
    stream: Literal[False] = Field(False, description="Streams are not served.")
    return_token_ids: bool | None = Field(None, description="Whether to return the prompt's ids.")


class Chat(Body):
    """Request of ``/v1/chat/completions``."""

    messages: list[dict[str, Any]] = Field(min_length=1, description="The conversation.")
    model: str | None = Field(None, description="Name of the served model.")
    tools: list[dict[str, Any]] = Field(
        default_factory=list, description="Tools in OpenAI's function form."
    )
    tool_choice: Literal["auto", "none"] = Field("auto", description="Whether calls are read.")
    max_tokens: int | None = Field(None, ge=1, description="Maximum number of sampled tokens.")
    max_completion_tokens: int | None = Field(None, ge=1, description="Newer name of the same.")
    temperature: float | None = Field(None, ge=0, description="Sampling temperature.")
    top_p: float | None = Field(None, gt=0, le=1, description="Probability mass sampled from.")
    top_k: int = Field(0, ge=-1, description="Number of likely tokens; 0 and -1 take all.")
    seed: int | None = Field(None, ge=0, description="Seed of this request.")
    stop: Stops | None = Field(None, description="Texts that end the reply.")
    logprobs: bool | None = Field(None, description="Whether to return log-probabilities.")
    top_logprobs: Literal[0, 1] | None = Field(None, description="The sampled token's alone.")
    n: Literal[1] = Field(1, description="Number of replies; one alone.")
    stream: Literal[False] = Field(False, description="Streams are not served.")
    return_token_ids: bool | None = Field(None, description="Whether to return token ids.")
    cache_salt: str | None = Field(None, min_length=1, description="As for token requests.")
    session_id: str | None = Field(None, description="As for token requests.")
    request_id: str | None = Field(None, description="Name of the request, for aborting it.")
    user: str | None = Field(None, description="Accepted as OpenAI has it.")

    @property
    def sampling(self) -> Sampling:
        """The sampling parameters of the request."""
        return Sampling(
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            top_k=self.top_k,
            seed=self.seed,
            stop=self.stop or [],
        )


class CollectiveRpc(Body):
    """Request of ``/collective_rpc``; the one method is ``reload_weights``."""

    method: Literal["reload_weights"] = Field(description="Name of the method.")
    kwargs: WeightsPath = Field(description="Its arguments.")
    args: list[str] = Field(default_factory=list, max_length=0, description="None are taken.")
    timeout: float | None = Field(None, description="Accepted as vLLM has it.")


class WeightsPath(Body):
    """Folder of safetensors files on the server's disk."""

    weights_path: str = Field(min_length=1, description="Path of the folder.")


class UpdateWeights(Body):
    """Request of ``/update_weights``."""

    update_info: WeightsPath = Field(description="Where the weights are.")


class FinishUpdate(Body):
    """Request of ``/finish_weight_update``."""

    weight_version: str | None = Field(None, description="Label of the new weights.")


class NewVersion(Body):
    """Request of ``/update_weight_version``."""

    new_version: str = Field(min_length=1, description="Label of the weights.")


class WeightChecker(Body):
    """Request of ``/weight_checker``."""

    action: Literal["checksum", "compare"] = Field(description="What to do.")
    baseline: dict[str, str] | None = Field(None, description="Checksums to compare with.")


class Abort(Body):
    """Request of ``/abort_requests`` and ``/inference/v1/abort_requests``."""

    request_ids: list[str] = Field(default_factory=list, description="Names of the requests.")


class Tokenize(Body):
    """Request of ``/tokenize``."""

    prompt: str = Field(description="Text to encode.")
    model: str | None = Field(None, description="Name of the served model.")
    add_special_tokens: bool = Field(True, description="Whether to add the tokenizer's own.")


class Detokenize(Body):
    """Request of ``/detokenize``."""

    tokens: list[int] = Field(description="Ids to decode.")
    model: str | None = Field(None, description="Name of the served model.")


CollectiveRpc.model_rebuild()
