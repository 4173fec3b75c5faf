"""Folding: merge messages of roles that a chat template lacks into the messages beside them.

Gemma has no system messages, older Mistrals have no tool results, and many templates require users
and assistants to alternate. Folding keeps the text visible: rules before the task, tool results
between ``<tool_response>`` tags in a user message, hints behind the message they belong to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Literal, get_args

from envgym.chat.skeleton import Plain
from envgym.errors import UsageError
from envgym.messages import Kind

log = logging.getLogger("envgym.chat.renderer")

Foldable = Literal["system", "tool", "hint"]
Parts = list[tuple[int, Kind]]
"""Start offset and kind of each part of a message's text."""
Refusal = Callable[[str | None, str], str]
"""Reason why a template has no message of a role after one of another; empty where it has."""

_FOLDABLE: tuple[str, ...] = get_args(Foldable)
_BETWEEN = "\n\n"
_CLOSE = "</tool_response>"


class Folding:
    """Converts conversations to the roles that a chat template has.

    Args:
        setting: ``off``; ``auto`` (the roles that the template refuses; logged once); or those
            of ``system``, ``tool``, ``hint`` that are always folded, joined by commas.
    """

    def __init__(self, setting: str = "off") -> None:
        chosen = [part.strip() for part in setting.split(",")]
        if setting not in ("off", "auto") and not set(chosen) <= set(_FOLDABLE):
            raise UsageError(
                f"fold: {setting!r} is none of off, auto, or some of {', '.join(_FOLDABLE)}"
            )
        self.setting = setting
        self._always = frozenset(chosen) & frozenset(_FOLDABLE)
        self._told: set[tuple[str | None, str]] = set()

    def __call__(
        self, conversation: Iterable[Plain], kinds: Iterable[Kind], refusal: Refusal
    ) -> tuple[list[Plain], list[Parts]]:
        """Fold a conversation; return the messages, and the parts of each."""
        folded: list[Plain] = []
        parts: list[Parts] = []
        for message, kind in zip(conversation, kinds, strict=True):
            before = folded[-1]["role"] if folded else None
            shaped, join = self._shape(message, kind, before, refusal)
            if join:
                _join(folded[-1], parts[-1], shaped, kind)
            else:
                folded.append(dict(shaped))
                parts.append([(0, kind)])
        return folded, parts

    def _shape(
        self, message: Plain, kind: Kind, before: str | None, refusal: Refusal
    ) -> tuple[Plain, bool]:
        """A message in a role that the template has, and whether it is joined to the last one."""
        role: str = message["role"]
        if self.setting == "off" or role == "assistant":
            return message, False
        auto = self.setting == "auto"
        if role in self._always or (
            auto and any(self._refused(last, role, refusal) for last in (None, before))
        ):
            message, role = _as_user(message), "user"
        follows = before not in (None, "assistant")
        join = kind == "hint" and "hint" in self._always
        return message, follows and (join or self._refused(before, role, refusal))

    def _refused(self, before: str | None, role: str, refusal: Refusal) -> bool:
        if role == "user" and before in (None, "assistant"):
            return False  # there is no other way to show it
        why = refusal(before, role)
        if why and (before, role) not in self._told:
            self._told.add((before, role))
            after = f" after {before} messages" if before else ""
            log.warning(
                "the chat template has no %s messages%s (%s): they are folded into %s",
                *(role, after, why),
                "user messages" if role != "user" else "the message before",
            )
        return bool(why)


def _as_user(message: Plain) -> Plain:
    text = message["content"]
    if message["role"] == "tool":
        text = text.replace(_CLOSE, _CLOSE.replace("<", "< "))
        text = f"<tool_response>\n{text}\n{_CLOSE}"
    return {"role": "user", "content": text}


def _join(last: Plain, parts: Parts, message: Plain, kind: Kind) -> None:
    """Add a message's text to the last one; what stands between goes with a hint."""
    start = len(last["content"]) + (0 if kind == "hint" else len(_BETWEEN))
    last["content"] += _BETWEEN + message["content"]
    parts.append((start, kind))
