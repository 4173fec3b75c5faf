"""Replay of recorded episodes with their own actions, reporting every difference.

The actions go through the ordinary rollout, played by an agent that reads them from the record, so
a replay runs the same code as the recording. The recorded action is the one that the environment
was stepped with, so no dialect or tokenizer is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envgym.agent import OF_AGENT, Agent, Completion, Context
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.errors import UsageError
from envgym.messages import Message
from envgym.rollout.runner import Rollout, Start
from envgym.stop_reason import StopReason
from envgym.trajectory import Episode, Trajectory

_GUIDANCE = ("hint", "critic", "shown")


@dataclass(frozen=True)
class Difference:
    """One value that differs between a recorded and a replayed episode.

    Attributes:
        episode: The recorded episode's id.
        what: ``observation``, ``reward``, ``turns``, ``final`` (what was seen after the last
            action), ``score``, ``stop_reason``, ``metrics.NAME`` or ``fault``.
        recorded, replayed: The two values; messages as text.
        seat, turn: Position of a difference within a turn; turns count from 0.
    """

    episode: str
    what: str
    recorded: Any
    replayed: Any
    seat: str | None = None
    turn: int | None = None


class RecordedAgent(Agent):
    """Agent that plays recorded episodes, all seats of them.

    Args:
        episodes: By the id of the `Start` that plays each.
        chat: Given one, the actions are also rendered to token ids, as demonstrations. A text that
            holds calls of the chat's dialect stands as it is.
    """

    def __init__(self, episodes: Mapping[str, Episode], chat: Chat | None = None) -> None:
        self.chat = chat
        self._scripts = {
            f"{id}/{seat}": trajectory.turns
            for id, episode in episodes.items()
            for seat, trajectory in episode.trajectories.items()
        }
        self._left = {
            f"{id}/{seat}"
            for id, episode in episodes.items()
            for seat in episode.trajectories
            if episode.stop_reason is StopReason.ABANDONED
        }
        self._turns: dict[str, int] = {}

    async def begin(self, session: str, env: Env[Any]) -> None:
        """Start from the first recorded turn, also in a retry after a fault."""
        self._turns[session] = 0

    async def act(self, context: Context) -> Completion:
        """Return the next recorded action; after the last, cut the episode as when recorded."""
        script = self._scripts.get(context.session, ())
        turn = self._turns[context.session]
        if turn >= len(script):
            return Completion(finish="quit" if context.session in self._left else "context")
        self._turns[context.session] = turn + 1
        taken = script[turn].taken
        if taken is None:
            raise UsageError(f"turn {turn} of {context.session} records no action: record it anew")
        if self.chat and self.chat.dialect.parse(taken.text, context.tools).tool_calls:
            return Completion(text=script[turn].text)
        return Completion(action=taken)

    async def end(self, session: str) -> None:
        """Forget the position of `session`."""
        self._turns.pop(session, None)


async def play_again(
    rollout: Rollout,
    recorded: Sequence[Episode],
    chat: Chat | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> list[Episode]:
    """Replay episodes from their tasks and seeds; results keep the order, faults included."""
    starts = [
        Start(e.seed, e.task, group=str(i), role=e.role, guided_by=e.guided_by)
        for i, e in enumerate(recorded)
    ]
    by_id = {start.id: episode for start, episode in zip(starts, recorded, strict=True)}
    result = await rollout.run(starts, RecordedAgent(by_id, chat), on_episode)
    played = [*result.episodes, *result.quarantined]
    return sorted(played, key=lambda episode: int(episode.group))


def differences(recorded: Episode, replayed: Episode) -> list[Difference]:
    """Compare a recorded with a replayed episode; return every difference.

    Guidance came from outside the environment: hints and criticism at the end of what an agent
    saw may stand in the recording alone. An episode that its wall clock cut is compared up to its
    last action: where in that step the cut fell, nothing recorded.
    """
    if replayed.fault is not None:
        return [Difference(recorded.id, "fault", None, replayed.fault)]
    cut = recorded.stop_reason is StopReason.TIMEOUT
    found: list[Difference] = []
    for seat in dict.fromkeys([*recorded.trajectories, *replayed.trajectories]):
        before = recorded.trajectories.get(seat, Trajectory(seat))
        after = replayed.trajectories.get(seat, Trajectory(seat))
        found += _in_seat(recorded.id, before, after, cut)
    if cut:
        return found
    for what in ("score", "stop_reason"):
        found += _compare(recorded.id, what, getattr(recorded, what), getattr(replayed, what))
    for name in sorted({*recorded.metrics, *replayed.metrics}):
        if name.startswith(OF_AGENT):  # a recording costs nothing
            continue
        pair = recorded.metrics.get(name), replayed.metrics.get(name)
        found += _compare(recorded.id, f"metrics.{name}", *pair)
    return found


def episode_folders(run: str | Path) -> list[Path]:
    """The folders of a run that hold shards of episodes, itself included.

    Raises:
        UsageError: There is none.
    """
    folders = sorted({path.parent for path in Path(run).rglob("episodes-*.jsonl")})
    if not folders:
        raise UsageError(f"{run} holds no episodes-*.jsonl: give the folder of a run or a rollout")
    return folders


def _in_seat(id: str, before: Trajectory, after: Trajectory, cut: bool) -> Iterator[Difference]:
    seat = before.seat
    last = len(before.turns) - 1
    for turn, (a, b) in enumerate(zip(before.turns, after.turns, strict=False)):
        if not _same_sight(a.messages, b.messages):
            yield Difference(id, "observation", _text(a.messages), _text(b.messages), seat, turn)
        if not (cut and turn == last):
            yield from _compare(id, "reward", a.reward, b.reward, seat, turn)
    yield from _compare(id, "turns", len(before.turns), len(after.turns), seat)
    same_length = len(before.turns) == len(after.turns)
    if same_length and not cut and not _same_sight(before.final, after.final):
        yield Difference(id, "final", _text(before.final), _text(after.final), seat)


def _compare(
    id: str, what: str, a: Any, b: Any, seat: str | None = None, turn: int | None = None
) -> Iterator[Difference]:
    both_nan = a != a and b != b
    if a != b and not both_nan:
        yield Difference(id, what, a, b, seat, turn)


def _same_sight(recorded: Sequence[Message], replayed: Sequence[Message]) -> bool:
    own = len(replayed)
    return tuple(recorded[:own]) == tuple(replayed) and all(
        message.kind in _GUIDANCE for message in recorded[own:]
    )


def _text(messages: Sequence[Message]) -> str:
    return "\n".join(
        f"{m.kind}{f' {m.tool_call_id}' if m.tool_call_id else ''}: {m.content}" for m in messages
    )
