"""Random agent: the lower bound for every learner, and a fuzzer for environments."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from envgym.agent import Agent, Completion, Context
from envgym.chat.renderer import Chat
from envgym.messages import Action, ToolCall

_FALLBACK_WORDS = ("yes", "no", "a", "the", "0", "1")
_DEPTH = 4  # of nested objects and arrays: recursive schemas would never end


class RandomAgent(Agent):
    """Agent that calls a random tool with random arguments that fit its schema.

    The same `context.seed` gives the same action. Strings are made of words of the conversation,
    so that a call has a chance to mean something. Without tools it says a few such words.

    Args:
        chat: Given one, actions are also rendered to token ids.
    """

    def __init__(self, chat: Chat | None = None) -> None:
        self.chat = chat

    async def act(self, context: Context) -> Completion:
        """Choose a random action."""
        rng = random.Random(context.seed)
        words = [w for m in context.messages for w in m.content.split()] or _FALLBACK_WORDS
        if not context.tools:
            return Completion(action=Action(_text(rng, words)))
        tool = rng.choice(context.tools)
        arguments = random_value(tool.parameters, rng, words)
        return Completion(action=Action("", (ToolCall(tool.name, arguments),)))


def random_value(
    schema: Mapping[str, Any], rng: random.Random, words: Sequence[str] = _FALLBACK_WORDS
) -> Any:
    """Draw a random JSON value that fits a JSON schema as pydantic writes it.

    Understood: ``$ref``, ``anyOf``/``oneOf``/``allOf``, ``enum``, ``const``, types, bounds of
    numbers, lengths of strings and arrays. ``pattern`` and ``format`` are not: a value may miss
    them.
    """
    return _value(schema, rng, words, schema.get("$defs", {}), 0)


def _value(
    schema: Mapping[str, Any],
    rng: random.Random,
    words: Sequence[str],
    defs: Mapping[str, Any],
    depth: int,
) -> Any:
    if "$ref" in schema:
        return _value(defs[schema["$ref"].rpartition("/")[2]], rng, words, defs, depth)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            options = schema[choice]
            flat = [o for o in options if o.get("type") not in ("array", "object", None)]
            option = rng.choice(flat if depth >= _DEPTH and flat else options)
            return _value(option, rng, words, defs, depth)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = rng.choice(kind) if isinstance(kind, list) else kind
    if kind == "object":
        required = schema.get("required", ())
        return {
            name: _value(part, rng, words, defs, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in required or (depth < _DEPTH and rng.random() < 0.5)
        }
    if kind == "array":
        least = schema.get("minItems", 0)
        size = rng.randint(least, max(least, min(schema.get("maxItems", 3), least + 3)))
        parts = schema.get("prefixItems") or [schema.get("items", {})] * (
            least if depth >= _DEPTH else size
        )
        return [_value(part, rng, words, defs, depth + 1) for part in parts]
    return _scalar(kind, schema, rng, words)


def _scalar(kind: str, schema: Mapping[str, Any], rng: random.Random, words: Sequence[str]) -> Any:
    if kind == "null":
        return None
    if kind == "boolean":
        return rng.random() < 0.5
    if kind in ("integer", "number"):
        low, high = _bounds(schema, 1 if kind == "integer" else 1e-6)
        return rng.randint(int(low), int(high)) if kind == "integer" else rng.uniform(low, high)
    text = _text(rng, words)[: schema.get("maxLength")]
    return text.ljust(schema.get("minLength", 0), "x")


def _bounds(schema: Mapping[str, Any], gap: float) -> tuple[float, float]:
    """The closed interval of a number's schema; ten wide where it is open on a side."""
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if "minimum" not in schema and low is not None:
        low += gap
    if "maximum" not in schema and high is not None:
        high -= gap
    if low is None:
        low = 0 if high is None else min(0, high - 10)
    return low, (max(10, low + 10) if high is None else high)


def _text(rng: random.Random, words: Sequence[str]) -> str:
    return " ".join(rng.choice(words) for _ in range(rng.randint(1, 3)))
