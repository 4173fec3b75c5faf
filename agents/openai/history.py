"""History of assistant messages as their server wrote them, to be sent back unchanged.

Servers add more to a message than text and calls: reasoning that some models need later, signatures
of reasoning (Gemini refuses a call without its signature), and unknown fields. `envgym.messages`
holds none of it, so each conversation keeps the raw messages here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from envgym.chat.dialects.native import to_openai
from envgym.messages import Action, Message, ToolCall

Raw = dict[str, Any]
_THOUGHTS = ("reasoning_content", "reasoning")
_EMPTY: tuple[Any, ...] = (None, "", [])


class History:
    """Server-written assistant messages of one conversation.

    They are found again by what the environment's side made of them, last ones first: a history
    may have been cut anywhere, and messages of other authors may stand between.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[Message, Raw]] = []

    def add(self, message: Message, raw: Raw) -> None:
        """Keep `raw`, to send it in the position of `message`."""
        self._kept.append((message, raw))

    def request(self, messages: Sequence[Message]) -> list[Raw]:
        """Make the conversation for a request; messages no longer in it are forgotten."""
        found = dict(self._find(messages))
        self._kept = [self._kept[place] for place in sorted(found.values())]
        raws = {index: self._kept[i][1] for i, index in enumerate(sorted(found))}
        return [raws.get(i) or plain(message) for i, message in enumerate(messages)]

    def _find(self, messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
        """Pairs of an index into `messages` and one into what is kept."""
        left = len(self._kept)
        for index in reversed(range(len(messages))):
            if messages[index].role != "assistant":
                continue
            for place in reversed(range(left)):
                if self._kept[place][0] == messages[index]:
                    yield index, place
                    left = place
                    break


def plain(message: Message) -> Raw:
    """Convert a message that no server wrote to its form in a request."""
    sent: Raw = {"role": message.role, "content": message.content}
    if message.tool_calls:
        sent["tool_calls"] = [to_openai(call) for call in message.tool_calls]
        sent["content"] = message.content or None
    if message.role == "tool":
        sent["tool_call_id"] = message.tool_call_id
    return sent


def echo(raw: Mapping[str, Any], action: Action) -> Raw:
    """Convert a server's message to its form in the next request: unchanged, and valid.

    Fields that are null are left out. A message without words has the empty text, as null is
    refused there; a call has the id that its result will carry, and arguments that are JSON.
    """
    sent = {name: value for name, value in raw.items() if value is not None}
    sent["role"] = "assistant"
    calls = sent.pop("tool_calls", None)
    if action.tool_calls and isinstance(calls, list | tuple):
        sent["tool_calls"] = [
            _call(call, read) for call, read in zip(calls, action.tool_calls, strict=True)
        ]
        sent.setdefault("content", None)
    elif "refusal" not in sent and sent.get("content") in _EMPTY:
        sent["content"] = ""
    return sent


def thought(raw: Mapping[str, Any]) -> str:
    """Reasoning beside a message's content, for people to read; often empty."""
    found = next((raw[name] for name in _THOUGHTS if raw.get(name)), "")
    return found if isinstance(found, str) else ""


def _call(raw: Any, read: ToolCall) -> Raw:
    """A call with all its fields; what a server could not read again is replaced."""
    written = to_openai(read)
    if not isinstance(raw, Mapping):
        return written
    function = raw.get("function")
    function = dict(function) if isinstance(function, Mapping) else {}
    if not _is_object(function.get("arguments")):
        function["arguments"] = written["function"]["arguments"]
    function["name"] = read.name
    return {**raw, "id": read.id, "type": raw.get("type") or "function", "function": function}


def _is_object(text: Any) -> bool:
    """Test that a text is strictly a JSON object."""
    try:
        return isinstance(text, str) and isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
