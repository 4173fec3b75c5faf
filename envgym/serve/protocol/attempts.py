"""Wire format of episodes without tokens, for hints on a failed attempt."""

from __future__ import annotations

import json
from typing import Any

from envgym.errors import UsageError
from envgym.store.json_rows import episode_line, episode_of
from envgym.task import Task
from envgym.trajectory import Episode


def attempt_row(attempt: Episode) -> dict[str, Any]:
    """Encode an episode for the wire."""
    row: dict[str, Any] = json.loads(episode_line(attempt, 0))
    return row


def attempt_of(row: dict[str, Any], task: Task) -> Episode:
    """Decode an episode from the wire, with the task as the server has it."""
    try:
        attempt = episode_of(row, _NoTokens())
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise UsageError(f"the attempt is no episode ({error}): give an envgym Episode") from error
    attempt.task = task
    return attempt


class _NoTokens:
    """Every turn without its tokens, which stay where they were sampled."""

    def __getitem__(self, number: int, /) -> dict[str, Any]:
        return {"context": [], "action": []}
