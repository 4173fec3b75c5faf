"""Graded hints, weakest first: a plan, feedback on an attempt, cues for what to do next.

The three kinds are those of Agent-RLVR (arXiv 2506.11425). A cue names calls as
``name(argument="value")``, with ``…`` for what the agent has to find.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from envgym.environments.attempts import calls, turns
from envgym.rollout.hidden_text import find_whole, golds
from envgym.task import Task
from envgym.trajectory import Episode
from envgym.utils.bounded_text import bounded_start

OPEN = "…"
"""Mark of the part of a call that a cue leaves to the agent."""
_QUOTED = 200
"""Maximum length of a quoted error in characters."""


def graded(
    task: Task, attempt: Episode | None, plan: str, feedback: str, cues: Iterable[str]
) -> tuple[str, ...]:
    """Hints in order of strength, each once; without empty ones and those that hold a gold.

    Args:
        attempt: The attempt; without one, and for a solved task, feedback is left out.
        plan: What matters in the task; the same whatever was attempted.
        feedback: What went wrong in the attempt; where it is empty, a misuse of the tools is told.
        cues: What to do next, weakest first.
    """
    failed = attempt is not None and attempt.score < 1
    told = (feedback or misuse(attempt)) if failed else ""
    texts = dict.fromkeys(f"Hint: {text}" for text in (plan, told, *cues) if text)
    secret = golds(task)
    return tuple(text for text in texts if not any(find_whole(secret, [text])))


def misuse(attempt: Episode | None) -> str:
    """Description of an attempt that called no tool, or whose calls were all refused."""
    made = calls(attempt)
    if not made:
        return "no message held a tool call, so nothing was done." if turns(attempt) else ""
    if not all(call.refused for call in made):
        return ""
    reason = bounded_start(" ".join(made[-1].reply.split()), _QUOTED)
    return f"every call was refused, the last one so: {reason}"


def call_text(name: str, /, **arguments: Any) -> str:
    """Call as a cue names it: ``move(directions="up left")``."""
    written = (f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())
    return f"{name}({', '.join(written)})"


def shares(count: int, *parts: float) -> list[int]:
    """Numbers of leading elements for the given shares, ascending, each from 1 to count - 1."""
    if count < 2:
        return []
    return sorted({min(max(int(count * part), 1), count - 1) for part in parts})


def counted(number: int, noun: str) -> str:
    """Number with its noun: ``1 move``, ``2 moves``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def agreement(given: str, right: str) -> int:
    """Number of leading characters that two texts share."""
    pairs = enumerate(zip(given, right, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(given), len(right)))
