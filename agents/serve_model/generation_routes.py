"""Routes that sample: vLLM's token protocol, and OpenAI's chat completions on the same engine."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import Field, create_model

from envgym.agents.local.request import Generation
from envgym.agents.serve_model.http_bodies import read_body
from envgym.agents.serve_model.schemas import Chat, Generate, Sampling
from envgym.agents.serve_model.served_model import ServedModel
from envgym.chat.dialects.native import to_openai
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.tools import ToolSpec

SESSION_HEADER = "X-Session-ID"


class GenerationRoutes:
    """Handlers of ``/inference/v1/generate`` and ``/v1/chat/completions``."""

    def __init__(self, served: ServedModel) -> None:
        self._served = served

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.post("/inference/v1/generate", self.generate),
            web.post("/v1/chat/completions", self.chat),
        ]

    async def generate(self, request: web.Request) -> web.Response:
        """Continue token ids."""
        body = await read_body(request, Generate)
        request_id = body.request_id or uuid.uuid4().hex
        session = body.session_id or request.headers.get(SESSION_HEADER)
        made = await self._sample(
            request_id, body.token_ids, body.sampling_params, body.model, session, body.cache_salt
        )
        choice = {
            "index": 0,
            "finish_reason": _finish(made),
            "stop_reason": None,
            "token_ids": made.ids if made else [],
            "logprobs": None,
            "weight_versions": self._served.spans(made) if made else [],
        }
        if made and body.sampling_params.logprobs is not None:
            entries = [
                {"token_id": i, "logprob": p} for i, p in zip(made.ids, made.logprobs, strict=True)
            ]
            choice["logprobs"] = {"content": [e | {"top_logprobs": [e]} for e in entries]}
        return web.json_response(
            {
                "request_id": f"generate-tokens-{request_id}",
                "model": self._served.name,
                "created": int(time.time()),
                "usage": _usage(body.token_ids, made),
                "prompt_token_ids": body.token_ids if body.return_token_ids else None,
                "output_mode": "tokens",
                "choices": [choice],
            }
        )

    async def chat(self, request: web.Request) -> web.Response:
        """Answer a conversation; calls are read by the chat's dialect."""
        body = await read_body(request, Chat)
        chat = self._served.chat
        tools = [_tool(schema) for schema in body.tools]
        prompt = self._prompt(body)
        sampling = body.sampling
        sampling.stop_token_ids = list(chat.stop_ids)
        sampling.stop = [*sampling.stops, *(chat.dialect.stop(tools) if tools else ())]
        request_id = body.request_id or f"chatcmpl-{uuid.uuid4().hex}"
        session = body.session_id or request.headers.get(SESSION_HEADER)
        made = await self._sample(
            request_id, prompt, sampling, body.model, session, body.cache_salt
        )
        ids = made.ids if made else []
        text = chat.decode(ids)
        reads = bool(tools) and body.tool_choice == "auto"
        action = chat.dialect.parse(text, tools) if reads else Action(text)
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if action.tool_calls:
            message["tool_calls"] = [to_openai(call) for call in action.tool_calls]
        choice: dict[str, Any] = {
            "index": 0,
            "message": message,
            "finish_reason": "tool_calls" if action.tool_calls else _finish(made),
            "logprobs": None,
        }
        if made and body.logprobs:
            choice["logprobs"] = {"content": [self._token(i, p) for i, p in _pairs(made)]}
        answer = {
            "id": request_id,
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self._served.name,
            "usage": _usage(prompt, made),
            "choices": [choice],
        }
        if body.return_token_ids:
            choice["token_ids"] = ids
            answer["prompt_token_ids"] = prompt
        return web.json_response(answer)

    async def _sample(
        self,
        request_id: str,
        ids: list[int],
        sampling: Sampling,
        model: str | None,
        session: str | None,
        salt: str | None,
    ) -> Generation | None:
        served = self._served
        if model not in (None, served.name):
            raise web.HTTPNotFound(text=f"no model {model!r}: this server has {served.name!r}")
        if len(ids) >= (longest := served.engine.max_context):
            raise UsageError(
                f"the context has {len(ids)} tokens, and this server's maximum model length is "
                f"{longest}: send fewer"
            )
        return await served.generate(request_id, ids, sampling, session or "", salt or "")

    def _prompt(self, body: Chat) -> list[int]:
        """Ids of the conversation in the model's own template."""
        try:
            messages = [_with_arguments(message) for message in body.messages]
            encoded = self._served.chat.tokenizer.apply_chat_template(
                messages, tools=body.tools or None, add_generation_prompt=True, return_dict=False
            )
        except Exception as error:  # a template raises anything
            raise UsageError(f"the chat template refuses these messages: {error}") from error
        return list(encoded)

    def _token(self, token: int, logprob: float) -> dict[str, Any]:
        text = self._served.chat.tokenizer.decode([token])
        entry = {"token": text, "logprob": logprob, "bytes": list(text.encode(errors="replace"))}
        return entry | {"top_logprobs": [entry]}


def _pairs(made: Generation) -> list[tuple[int, float]]:
    return list(zip(made.ids, made.logprobs, strict=True))


def _finish(made: Generation | None) -> str:
    """The reason of an end in vLLM's words."""
    if made is None:
        return "abort"
    return "stop" if made.finish == "stop" else "length"


def _usage(prompt: list[int], made: Generation | None) -> dict[str, int]:
    sampled = len(made.ids) if made else 0
    return {
        "prompt_tokens": len(prompt),
        "completion_tokens": sampled,
        "total_tokens": len(prompt) + sampled,
    }


def _with_arguments(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message whose calls have their arguments as objects, as chat templates take them."""
    calls = []
    for call in message.get("tool_calls") or ():
        function = dict(call["function"])
        if isinstance(function.get("arguments"), str):
            function["arguments"] = json.loads(function["arguments"])
        calls.append({**call, "function": function})
    return {**message, "tool_calls": calls} if calls else dict(message)


def _tool(schema: Mapping[str, Any]) -> ToolSpec:
    """A tool of a request, for the dialect that reads calls of it.

    Raises:
        UsageError: It has no name, or its parameters are no schema of an object.
    """
    try:
        function = schema["function"]
        parameters = function.get("parameters") or {}
        required = set(parameters.get("required") or ())
        fields: dict[str, Any] = {
            name: (Any, Field(... if name in required else None))
            for name in parameters.get("properties") or {}
        }
        arguments = create_model(str(function["name"]), **fields)
        return ToolSpec(function["name"], function.get("description") or "", arguments, True)
    except (KeyError, TypeError, AttributeError, NameError, ValueError) as error:
        raise UsageError(f"a tool of the request is none in OpenAI's form: {error!r}") from error
