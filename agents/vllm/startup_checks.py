"""Checks of a server before any work: it is there, it fits the learner, and it can be updated.

Each failure is one line that names the server and the fix.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from envgym.agents.vllm.inference_server import InferenceServer, TooSlow, Unreachable
from envgym.agents.vllm.token_protocols import PROTOCOLS, TokenProtocol
from envgym.chat.renderer import Chat
from envgym.errors import UsageError
from envgym.utils.http_client import Refused

TESTED = ((0, 32), (0, 33))
"""Versions of vLLM: from the first on, below the second."""
PROBE_TEXT = 'Hello <search> 42 </search>\n\n«é» {"a": [1, 2]}\tThe end.'
_CHECK_S = 60.0
_DEV_MODE = "start it with VLLM_SERVER_DEV_MODE=1"


@dataclass(frozen=True)
class ServerTraits:
    """Traits of a server that answered every check.

    Attributes:
        model: Name of its model in requests.
        max_context: Maximum number of ids of a context and its reply.
        protocol: The way in which it takes token ids.
    """

    model: str
    max_context: int
    protocol: TokenProtocol


async def check_server(
    server: InferenceServer,
    chat: Chat,
    *,
    model: str | None,
    max_context: int | None,
    updated: bool,
    any_version: bool,
) -> ServerTraits:
    """Check a server; return its traits.

    Args:
        chat: The learner's chat.
        model: Name that requests shall use; None takes the only one there is.
        max_context: Number of ids that contexts and replies need; None for what the server has.
        updated: Whether its weights will be updated.
        any_version: Whether versions of vLLM outside the tested range are taken.

    Raises:
        UsageError: A check failed.
    """
    where = f"server {server.url}"
    try:
        await server.get("/health", timeout=_CHECK_S)
        version = (await server.get("/version", timeout=_CHECK_S)) if not any_version else {}
        name, longest = _served(await server.get("/v1/models", timeout=_CHECK_S), model, where)
        if version and "engine" not in version:
            _check_version(str(version.get("version")), where)
        protocol = await _find_protocol(server, name, where)
        await _check_tokenizer(server, name, chat, where)
        if updated:
            await _check_control(server, where)
    except (Unreachable, TooSlow) as error:
        raise UsageError(
            f"no {where} ({error}): start one there, or correct the address"
        ) from error
    except Refused as error:
        raise UsageError(f"{where} refuses a check with HTTP {error.status}: {error}") from error
    if longest is not None and (max_context or 0) > longest:
        raise UsageError(
            f"{where} has a maximum model length of {longest}, and rollouts need {max_context}: "
            "start it with a larger --max-model-len, or lower rollout.max_context"
        )
    found = [limit for limit in (longest, max_context) if limit is not None]
    if not found:
        raise UsageError(f"{where} tells no maximum model length: set rollout.max_context")
    return ServerTraits(name, min(found), protocol)


def _served(models: dict[str, Any], wanted: str | None, where: str) -> tuple[str, int | None]:
    """Name and maximum length of the model to ask for."""
    known = {str(m.get("id")): m for m in models.get("data", ()) if not m.get("parent")}
    if wanted is None and len(known) == 1:
        wanted = next(iter(known))
    if wanted not in known:
        names = ", ".join(sorted(known)) or "none"
        asked = "name one of its models" if wanted is None else f"it has no model {wanted!r}"
        raise UsageError(f"{where}: {asked}; it serves {names}")
    longest = known[wanted].get("max_model_len")
    return wanted, int(longest) if longest else None


def _check_version(text: str, where: str) -> None:
    numbers = re.match(r"(\d+)\.(\d+)", text)
    least, below = TESTED
    if numbers is None or not least <= (int(numbers[1]), int(numbers[2])) < below:
        first, last = ".".join(map(str, least)), ".".join(map(str, below))
        raise UsageError(
            f"{where} runs vLLM {text}; tested are {first} up to {last}, and its endpoints change: "
            "install one of them, or set any_version"
        )


async def _find_protocol(server: InferenceServer, model: str, where: str) -> TokenProtocol:
    """The first protocol that the server has; an empty request tells without sampling."""
    for protocol in PROTOCOLS:
        try:
            await server.post(protocol.path, {"model": model}, timeout=_CHECK_S)
        except Refused as error:
            if error.status in (400, 422):
                return protocol
            if error.status not in (404, 405):
                raise
    paths = " nor ".join(protocol.path for protocol in PROTOCOLS)
    raise UsageError(f"{where} has neither {paths}: start vLLM with --enable-scale-out")


async def _check_tokenizer(server: InferenceServer, model: str, chat: Chat, where: str) -> None:
    """Compare ids of a text, and the last ids of the vocabulary."""
    tokenizer = chat.tokenizer
    own = tokenizer.encode(PROBE_TEXT, add_special_tokens=False)
    body = {"model": model, "prompt": PROBE_TEXT, "add_special_tokens": False}
    try:
        theirs = (await server.post("/tokenize", body, timeout=_CHECK_S))["tokens"]
    except Refused as error:
        if error.status != 404:
            raise
        await _check_prompt(server, model, chat, where)
        return
    _compare(own, theirs, where)
    last = len(tokenizer) - 1
    said = await server.post("/detokenize", {"model": model, "tokens": [last]}, timeout=_CHECK_S)
    if said.get("prompt") != tokenizer.decode([last], skip_special_tokens=False):
        raise UsageError(
            f"{where} has another vocabulary than the learner: id {last} is {said.get('prompt')!r} "
            f"there and {tokenizer.decode([last])!r} here; serve the learner's own model"
        )


async def _check_prompt(server: InferenceServer, model: str, chat: Chat, where: str) -> None:
    """Compare the ids of a rendered message, where a server has no ``/tokenize``."""
    messages = [{"role": "user", "content": PROBE_TEXT}]
    own = chat.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )
    body = {"model": model, "messages": messages, "max_tokens": 1, "return_token_ids": True}
    answer = await server.post("/v1/chat/completions", body, timeout=_CHECK_S)
    _compare(own, answer.get("prompt_token_ids") or [], where)


def _compare(own: Sequence[int], theirs: Sequence[int], where: str) -> None:
    if list(own) != list(theirs):
        raise UsageError(
            f"{where} has another tokenizer than the learner: a text has the ids "
            f"{list(theirs)[:8]}… there and {list(own)[:8]}… here; serve the learner's own model"
        )


async def _check_control(server: InferenceServer, where: str) -> None:
    try:
        await server.get("/is_paused", timeout=_CHECK_S)
        await server.get("/weight_info", timeout=_CHECK_S)
    except Refused as error:
        if error.status not in (404, 405):
            raise
        raise UsageError(
            f"{where} has no endpoints for weight updates: {_DEV_MODE}, or take a newer vLLM"
        ) from error
