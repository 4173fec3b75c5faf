"""Agent for any OpenAI-compatible chat endpoint: evaluation, judges, simulated users.

It works on messages: the server owns the tokens, so its episodes carry no ids and no log-probs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from envgym.agent import Agent, Completion, Context, Finish
from envgym.agents.openai.history import History, Raw, echo, plain, thought
from envgym.agents.openai.meter import Meter, Prices
from envgym.chat.dialects.native import from_openai
from envgym.errors import Fault, UsageError
from envgym.messages import Action, Message
from envgym.resources import Shared
from envgym.utils.http_client import JsonClient, Refused
from envgym.utils.rate_limit import RateLimit

if TYPE_CHECKING:
    from envgym.env import Env

_TOO_LONG = ("context_length_exceeded", "context length", "context window", "too many tokens")
_UNKNOWN_FIELD = ("unsupported", "not permitted", "unknown", "unrecognized", "unexpected")
_MAX_TOKENS = ("max_completion_tokens", "max_tokens")
_BYTES_PER_TOKEN = 4
"""Bytes per token in estimates for the token limit; the budget counts a byte as a token."""


class OpenAIAgent(Agent):
    """Agent that acts through ``POST {base_url}/chat/completions`` with tools.

    What the server sent is sent back as it was: reasoning, signatures, fields of its own.

    Args:
        base_url: Address of the API, for example ``https://api.openai.com/v1`` or ``http://localhost:8000/v1``.
        model: The model's name at that server.
        api_key_env: Environment variable that holds the key; unset for servers without keys.
        temperature: Sampling temperature; None leaves it to the server (some models take no other).
        max_tokens: Maximum number of tokens per action; None leaves it to the server.
        extra: Further fields of the request (``top_p``, ``max_completion_tokens``, …).
        echo: False sends text and calls back alone, for servers that refuse their own fields.
        requests_per_minute, tokens_per_minute: Limits of the endpoint, shared by all agents of
            this process that name the same address, model and limits; None for no limit.
        input_price, output_price: Prices per million tokens; episodes then have a cost.
        budget: Maximum total cost of this agent's requests; the rollout stops before it.
        timeout, retries, backoff, concurrency: See `JsonClient`.

    Raises:
        UsageError: Settings that do not go together.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key_env: str = "OPENAI_API_KEY",
        temperature: float | None = 1.0,
        max_tokens: int | None = 1024,
        extra: Mapping[str, Any] | None = None,
        echo: bool = True,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        input_price: float | None = None,
        output_price: float | None = None,
        budget: float | None = None,
        timeout: float = 120.0,
        retries: int = 5,
        backoff: float = 0.5,
        concurrency: int = 64,
    ) -> None:
        self.model = model
        self._key_name, self._echo = api_key_env, echo
        settings = {"temperature": temperature, "max_tokens": max_tokens}
        self._settings = {k: v for k, v in settings.items() if v is not None} | dict(extra or {})
        bounds = [self._settings[name] for name in _MAX_TOKENS if self._settings.get(name)]
        if budget is not None and not bounds:
            raise UsageError("a budget needs max_tokens: without it no request has a highest cost")
        self._most_out = int(min(bounds, default=0))
        prices = None
        if input_price is not None and output_price is not None:
            prices = Prices(input_price, output_price)
        elif (input_price, output_price) != (None, None):
            raise UsageError("give input_price and output_price together; 0 is a price too")
        self._meter = Meter(prices, budget)
        key = os.environ.get(api_key_env)
        self._client = JsonClient(
            base_url,
            {"Authorization": f"Bearer {key}"} if key else None,
            timeout=timeout,
            retries=retries,
            backoff=backoff,
            concurrency=concurrency,
        )
        rates = (requests_per_minute, tokens_per_minute)
        endpoint = ("endpoint", self._client.base_url, model, *rates)
        self._limit: Shared[RateLimit] = Shared(endpoint, lambda: RateLimit(*rates))
        self._client.limit = self._limit.value
        self._histories: dict[str, History] = {}

    @property
    def usage(self) -> dict[str, float]:
        """Requests, tokens and cost so far, retried episodes included."""
        return self._meter.total

    async def begin(self, session: str, env: Env[Any]) -> None:
        """Start an empty conversation for `session`."""
        self._histories.pop(session, None)

    async def act(self, context: Context) -> Completion:
        """Ask the server for the next action.

        Raises:
            UsageError: The key, the address or the model's name is wrong, or no money is left.
            Fault: The server failed at every try (``infra``), refuses this conversation
                (``model``), or the next request might exceed the budget (``budget``).
        """
        history = self._histories.setdefault(context.session, History())
        body: dict[str, Any] = {
            "model": self.model,
            "messages": history.request(context.messages),
            "seed": context.seed & 0x7FFF_FFFF,  # some servers keep seeds in 32 bits
            **self._settings,
        }
        if context.tools:
            body["tools"] = [tool.schema for tool in context.tools]
        try:
            completion, raw = await self._ask(body)
        except Refused as error:
            if error.status in (400, 413) and any(s in str(error).lower() for s in _TOO_LONG):
                return Completion(finish="context")
            raise self._explain(error) from error
        action = completion.action or Action()
        history.add(
            Message("assistant", completion.text, "action", action.tool_calls),
            raw if self._echo else plain(action.message),
        )
        return completion

    async def end(self, session: str) -> None:
        """Forget the conversation of `session`."""
        self._histories.pop(session, None)

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._client.close()
        await self._limit.close()

    async def _ask(self, body: Mapping[str, Any]) -> tuple[Completion, Raw]:
        """The completion, and the server's message as it is to be sent back."""
        prompt = {k: body[k] for k in ("messages", "tools") if k in body}
        size = len(json.dumps(prompt, ensure_ascii=False).encode(errors="replace"))
        guess = size / _BYTES_PER_TOKEN + self._most_out
        aside = await self._meter.set_aside(size, self._most_out)
        try:
            answer = await self._client.post("/chat/completions", body, tokens=guess)
            used = self._meter.count(answer.get("usage"), aside)
        finally:
            self._meter.release(aside)
        if "input_tokens" in used:
            self._limit.value.settle(used["input_tokens"] + used["output_tokens"] - guess)
        completion, raw = _read(answer)
        completion.metrics = used
        return completion, raw

    def _explain(self, error: Refused) -> UsageError | Fault:
        where = f"{self._client.base_url} answered {error.status}: {error}"
        if error.status in (401, 403):
            return UsageError(f"{where} Put a valid key into ${self._key_name}.")
        if error.status == 402:
            return UsageError(f"{where} The account behind ${self._key_name} needs money.")
        if error.status == 404:
            return UsageError(
                f"{where} Check that base_url is the part before /chat/completions (often it ends "
                f"in /v1) and that the server has a model {self.model!r}."
            )
        if self._echo and any(word in str(error).lower() for word in _UNKNOWN_FIELD):
            where += " If that is a field of its own messages: echo=False does not send it back."
        return Fault(where, "model")


def _read(answer: Mapping[str, Any]) -> tuple[Completion, Raw]:
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        action = from_openai(message)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise Fault(f"the server's answer is no chat completion: {str(answer)[:300]}") from error
    finish: Finish = "length" if choice.get("finish_reason") == "length" else "stop"
    thoughts = thought(message)
    text = f"<think>\n{thoughts}\n</think>\n\n{action.text}" if thoughts else action.text
    return Completion(text=text, finish=finish, action=action), echo(message, action)
