"""Any OpenAI-compatible chat endpoint as an agent: evaluation, judges, simulated users.

It works on messages: the server owns the tokens, so its episodes carry no ids and no log-probs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from envgym.agent import Agent, Completion, Context, Finish
from envgym.dialects.native import from_openai, to_openai
from envgym.errors import Fault, UsageError
from envgym.http import JsonClient, Refused
from envgym.messages import Message

_TOO_LONG = ("context_length_exceeded", "context length", "context window", "too many tokens")


class OpenAIAgent(Agent):
    """Acts through ``POST {base_url}/chat/completions`` with tools.

    Args:
        base_url: For example ``https://api.openai.com/v1`` or ``http://localhost:8000/v1``.
        model: The model's name at that server.
        api_key_env: Environment variable that holds the key; unset for servers without keys.
        temperature: None leaves it to the server (some models take no other).
        max_tokens: Most tokens of one action; None leaves it to the server.
        extra: Further fields of the request (``top_p``, ``max_completion_tokens``, …).
        timeout, retries, backoff, concurrency: See `JsonClient`.
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
        timeout: float = 120.0,
        retries: int = 5,
        backoff: float = 0.5,
        concurrency: int = 64,
    ) -> None:
        self.model = model
        self._key_name = api_key_env
        settings = {"temperature": temperature, "max_tokens": max_tokens}
        self._settings = {k: v for k, v in settings.items() if v is not None} | dict(extra or {})
        key = os.environ.get(api_key_env)
        self._client = JsonClient(
            base_url,
            {"Authorization": f"Bearer {key}"} if key else None,
            timeout=timeout,
            retries=retries,
            backoff=backoff,
            concurrency=concurrency,
        )

    async def act(self, context: Context) -> Completion:
        """Ask the server for the next action.

        Raises:
            UsageError: The key, the address or the model's name is wrong.
            Fault: The server failed at every try (``infra``), or refuses this conversation
                (``model``).
        """
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [_plain(m) for m in context.messages],
            "seed": context.seed & 0x7FFF_FFFF,  # some servers keep seeds in 32 bits
            **self._settings,
        }
        if context.tools:
            body["tools"] = [tool.schema for tool in context.tools]
        try:
            return _read(await self._client.post("/chat/completions", body))
        except Refused as error:
            if error.status in (400, 413) and any(s in str(error).lower() for s in _TOO_LONG):
                return Completion(finish="context")
            raise self._explain(error) from error

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._client.close()

    def _explain(self, error: Refused) -> UsageError | Fault:
        where = f"{self._client.base_url} answered {error.status}: {error}"
        if error.status in (401, 403):
            return UsageError(f"{where} Put a valid key into ${self._key_name}.")
        if error.status == 404:
            return UsageError(
                f"{where} Check that base_url is the part before /chat/completions (often it ends "
                f"in /v1) and that the server has a model {self.model!r}."
            )
        return Fault(where, "model")


def _read(answer: Mapping[str, Any]) -> Completion:
    try:
        choice = answer["choices"][0]
        action = from_openai(choice["message"])
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise Fault(f"the server's answer is no chat completion: {str(answer)[:300]}") from error
    finish: Finish = "length" if choice.get("finish_reason") == "length" else "stop"
    return Completion(text=action.text, finish=finish, action=action)


def _plain(message: Message) -> dict[str, Any]:
    """A message as it stands in a request."""
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        plain["tool_calls"] = [to_openai(call) for call in message.tool_calls]
        plain["content"] = message.content or None
    if message.role == "tool":
        plain["tool_call_id"] = message.tool_call_id
    return plain
