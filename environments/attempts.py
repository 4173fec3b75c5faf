"""Reading of recorded attempts for hints: actions, tool calls and the replies to them.

An attempt may be empty, cut, faulted or written by hand, so nothing about it is taken for granted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from envgym.messages import Message
from envgym.trajectory import Episode, Turn


@dataclass(frozen=True)
class RecordedCall:
    """Tool call of an attempt.

    Attributes:
        name: Name of the tool.
        arguments: Its arguments; empty where the call could not be read.
        reply: Text that the environment answered; empty where it answered nothing.
        turn: Index of its turn.
    """

    name: str
    arguments: Mapping[str, Any]
    reply: str
    turn: int

    @property
    def refused(self) -> bool:
        """Flag that the environment answered with an error: nothing was done."""
        return self.reply.startswith("Error:")

    def text(self, argument: str) -> str:
        """Argument of a name as a text; empty where it is absent or something else."""
        value = self.arguments.get(argument)
        return value if isinstance(value, str) else ""


def turns(attempt: Episode | None) -> Sequence[Turn]:
    """Turns of the first seat; none where the attempt has none."""
    trajectory = next(iter(attempt.trajectories.values()), None) if attempt is not None else None
    return trajectory.turns if trajectory is not None else ()


def replies(attempt: Episode | None) -> list[list[Message]]:
    """Messages of the environment after each turn, without hints."""
    if attempt is None or not (played := turns(attempt)):
        return []
    after = [*(turn.messages for turn in played[1:]), attempt.trajectory.final]
    return [[m for m in messages if m.kind not in ("hint", "shown")] for messages in after]


def calls(attempt: Episode | None, *names: str) -> list[RecordedCall]:
    """Tool calls of an attempt in order; of these names, or of all without one."""
    return [call for call in _calls(attempt) if not names or call.name in names]


def _calls(attempt: Episode | None) -> Iterator[RecordedCall]:
    for index, (turn, after) in enumerate(zip(turns(attempt), replies(attempt), strict=True)):
        made = turn.taken.tool_calls if turn.taken is not None else ()
        answered = [message.content for message in after if message.role == "tool"]
        for call, reply in zip_longest(made, answered[: len(made)], fillvalue=None):
            if call is not None:
                yield RecordedCall(call.name, call.arguments or {}, reply or "", index)
