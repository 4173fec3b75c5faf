"""Text of attempts, as prompts of teachers and demonstrations show them."""

from __future__ import annotations

from envgym.trajectory import Episode
from envgym.utils.bounded_text import bounded_middle

_LEFT_OUT = ("hint", "shown", "critic")
"""Kinds of messages that guidance put there."""


def task_text(attempt: Episode) -> str:
    """The messages that an attempt's first action answers, hints left out."""
    told = [m for t in attempt.turns[:1] for m in t.messages if m.kind not in _LEFT_OUT]
    return "\n\n".join(m.content for m in told)


def numbered_text(attempt: Episode, max_chars: int) -> str:
    """An attempt's actions under their numbers, from 1; each cut so that all fit."""
    each = max(20, max_chars // max(1, len(attempt.turns)))
    lines = [f"{i}. {bounded_middle(t.text, each)}" for i, t in enumerate(attempt.turns, 1)]
    return "\n".join(lines)


def transcript_text(attempt: Episode, max_chars: int) -> str:
    """An attempt's actions, each with the answers of the environment; its middle cut to fit."""
    parts = [f"Agent: {attempt.turns[0].text}"] if attempt.turns else []
    for turn in attempt.turns[1:]:
        parts += [f"{m.role.capitalize()}: {m.content}" for m in turn.messages]
        parts.append(f"Agent: {turn.text}")
    final = [m for m in attempt.trajectory.final if m.kind not in _LEFT_OUT]
    parts += [f"{m.role.capitalize()}: {m.content}" for m in final if m.content]
    return bounded_middle("\n".join(parts), max_chars)
