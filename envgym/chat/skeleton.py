"""A short conversation that a chat template treats as it would the long one it stands for.

What a template writes for the next messages depends on who spoke before, hardly ever on what was
said. So every message is reduced to its role and the few signs templates look for (thinking, a tag
at either end), and of turns alike only the last is kept: whatever came after the last user message,
say, still does. Rendering the next delta against a sketch costs the same at turn 100 as at turn 2,
where rendering the history would cost more turn by turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

Plain = dict[str, Any]  # a message as chat templates take it

MARK = "\ue51fenvgym"  # stands for a text; its first sign begins no message
_ARGUMENT = {"type": "string", "description": MARK}
_PARAMETERS = {"type": "object", "properties": {"a": _ARGUMENT}, "required": ["a"]}
_FUNCTION = {"name": MARK, "description": MARK, "parameters": _PARAMETERS}
SCHEMAS: list[Any] = [{"type": "function", "function": _FUNCTION}]
"""One short tool, which stands for all where a template is only asked what it does with them."""
_THINK, _WORDS = re.compile(r"(</?think>)"), re.compile(r"\S(?:.*\S)?", re.DOTALL)
_OPENS, _CLOSES = re.compile(r"<\w+>"), re.compile(r"</\w+>\Z")


class ConversationSkeleton:
    """The sketch of one conversation; it grows with it.

    Args:
        conversation: What the model has seen, whole.
        schemas: The tools the template has shown, if any: one short one stands for them.
    """

    def __init__(self, conversation: Sequence[Plain], schemas: Sequence[Any] | None = None) -> None:
        self.schemas = SCHEMAS if schemas else None
        starts = [i for i, m in enumerate(conversation) if m["role"] == "assistant"]
        ends = [*starts, len(conversation)]
        self._opening = [reduce(m) for m in conversation[: ends[0]]]
        self._turns: list[list[Plain]] = []
        self._last: dict[str, list[Plain]] = {}
        self.whole = False  # a template that counts its messages gets them all
        for start, end in pairwise(ends):
            self.add(conversation[start:end])

    @property
    def messages(self) -> list[Plain]:
        """The sketch."""
        turns = self._turns if self.whole else self._last.values()
        return [*self._opening, *chain.from_iterable(turns)]

    @property
    def doubled(self) -> list[Plain]:
        """The sketch with every turn twice: a template must not see the difference."""
        twice = ([*turn, *turn] for turn in self._last.values())
        return [*self._opening, *chain.from_iterable(twice)]

    @property
    def shortened(self) -> bool:
        """Whether a turn has been left out."""
        return len(self._last) < len(self._turns)

    def add(self, turn: Sequence[Plain]) -> None:
        """Take in an assistant message and what came after it."""
        reduced = [reduce(m) for m in turn]
        shape = repr([(m["role"], m["content"]) for m in reduced])
        self._turns.append(reduced)
        self._last.pop(shape, None)  # it moves to the end
        self._last[shape] = reduced


def reduce(message: Plain, mark: str = MARK) -> Plain:
    """The message with a mark in place of its text."""
    text = message["content"].strip()
    if not text:
        return {**message, "content": ""}
    if message["role"] == "assistant" and "</think>" in text:
        parts = _THINK.split(text, maxsplit=4)
        kept = (p if _THINK.fullmatch(p) else _WORDS.sub(mark, p) for p in parts)
        return {**message, "content": "".join(kept)}
    first, last = _OPENS.match(text), _CLOSES.search(text, max(0, len(text) - 64))
    edges = (found[0] if found else "" for found in (first, last))
    return {**message, "content": mark.join(edges)}
