"""Conversation skeleton: a short conversation that a chat template renders like the full one.

The text that a template puts between messages depends on their roles and order, hardly ever on
their contents. So each message is reduced to its role and the few marks that templates look for
(thinking, a tag at either end), and of equal turns only the last is kept. Rendering the next delta
against a skeleton costs the same at turn 100 as at turn 2; against the full history the cost would
grow with every turn.

Example, with # for `MARK`. Two turns of equal shape, four messages after the question::

    history                                     skeleton
    user       Which river is longest?          user       #
    assistant  <search>rivers</search>          (left out: its shape returns below)
    tool       Nile, Amazon                     (left out)
    assistant  <search>Nile length</search>     assistant  <search>#</search>
    tool       6650 km                          tool       #

The delta of the next turn, whose own texts are not reduced, is then the end of
``render(skeleton + turn)``: all that follows ``render(skeleton)`` and the sampled action.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

Plain = dict[str, Any]  # a message as chat templates take it

MARK = "\ue51fenvgym"  # replaces a text; no message begins with its first character
_ARGUMENT = {"type": "string", "description": MARK}
_PARAMETERS = {"type": "object", "properties": {"a": _ARGUMENT}, "required": ["a"]}
_FUNCTION = {"name": MARK, "description": MARK, "parameters": _PARAMETERS}
SCHEMAS: list[Any] = [{"type": "function", "function": _FUNCTION}]
"""One short tool in place of all, to probe how a template shows tools."""
_THINK, _WORDS = re.compile(r"(</?think>)"), re.compile(r"\S(?:.*\S)?", re.DOTALL)
_OPENS, _CLOSES = re.compile(r"<\w+>"), re.compile(r"</\w+>\Z")


class ConversationSkeleton:
    """Skeleton of one conversation, extended turn by turn.

    Args:
        conversation: The whole conversation that the model has seen.
        schemas: The tools that the template has shown, if any; one short tool replaces them.
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
        """Messages of the skeleton."""
        turns = self._turns if self.whole else self._last.values()
        return [*self._opening, *chain.from_iterable(turns)]

    @property
    def doubled(self) -> list[Plain]:
        """The skeleton with every turn twice: a template must not see the difference."""
        twice = ([*turn, *turn] for turn in self._last.values())
        return [*self._opening, *chain.from_iterable(twice)]

    @property
    def shortened(self) -> bool:
        """Flag that a turn was left out."""
        return len(self._last) < len(self._turns)

    def add(self, turn: Sequence[Plain]) -> None:
        """Add an assistant message and the messages after it."""
        reduced = [reduce(m) for m in turn]
        shape = repr([(m["role"], m["content"]) for m in reduced])
        self._turns.append(reduced)
        self._last.pop(shape, None)  # it moves to the end
        self._last[shape] = reduced


def reduce(message: Plain, mark: str = MARK) -> Plain:
    """Replace the text of a message by a mark."""
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
