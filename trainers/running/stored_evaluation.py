"""Evaluation in a folder: its plan, its episodes as they end, its scores; resumed where it stopped.

An evaluation of a served model takes hours and money. Episodes are written every half a minute, so
that a kill loses little, and a resumed evaluation plays those alone that have no score yet: broken
ones are played again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from envgym.agent import Agent
from envgym.errors import UsageError
from envgym.rollout.runner import Rollout, RolloutResult, Start
from envgym.store.episodes import EpisodeWriter, read_episodes
from envgym.trainers.running.evaluate import Scores, summarise, usage_of
from envgym.trajectory import Episode
from envgym.utils.atomic_write import write_atomically

_FILE = "evaluation.json"
_EVERY_S = 30.0
_SHARD = 256  # most episodes of a shard
_MAY_GROW = "samples"


class StoredEvaluation:
    """Folder of one evaluation.

    Args:
        folder: Made where it is missing, when the first episode is about to be played.
        plan: Settings that make two evaluations comparable, as JSON values. A resumed evaluation
            must have the same; ``samples`` may be larger.
        resume: Whether the folder holds an evaluation to go on with.

    Attributes:
        episodes: Episodes of the folder that have a score, by id.
        broken: The others.
        usage: Sums of what the agent reported in all episodes of the folder, those included that
            broke and were played again: tokens, cost.

    Raises:
        UsageError: The folder holds an evaluation and `resume` is not set, or none although it is,
            or one of another plan, whose difference the message names.
    """

    def __init__(self, folder: Path, plan: dict[str, Any], *, resume: bool = False) -> None:
        self.folder, self.plan = folder, plan
        self.episodes: dict[str, Episode] = {}
        self.broken: dict[str, Episode] = {}
        self.usage: dict[str, float] = {}
        self._new: list[Episode] = []
        self._written = time.monotonic()
        path = folder / _FILE
        if path.exists():
            if not resume:
                raise UsageError(f"{folder} holds an evaluation: go on with --resume")
            _check_same(_recorded_plan(path), plan, folder)
            self._load()
        elif resume:
            raise UsageError(f"{folder} holds no evaluation to resume: leave --resume out")
        elif folder.is_dir() and any(folder.glob("episodes-*")):
            raise UsageError(f"{folder} holds other episodes: give another folder")

    def left(self, starts: Sequence[Start]) -> list[Start]:
        """Return the starts whose episode has no score yet."""
        return [start for start in starts if start.id not in self.episodes]

    async def play(
        self,
        rollout: Rollout,
        agent: Agent,
        starts: Sequence[Start],
        on_episode: Callable[[Episode], None] | None = None,
    ) -> tuple[Scores, RolloutResult]:
        """Play the starts that are left; return the scores of all, and what this call played.

        An evaluation that stops early (no budget is left, Ctrl-C, a fault) has its episodes stored.
        """

        def keep(episode: Episode) -> None:
            self.add(episode)
            if on_episode is not None:
                on_episode(episode)

        self._describe({})
        try:
            played = await rollout.run(self.left(starts), agent, keep, keep=False)
        finally:
            self.flush()
        scores = summarise(self._result(starts), self.plan[_MAY_GROW], len(starts))
        scores.usage = dict(self.usage)
        self._describe(scores.to_json())
        return scores, played

    def add(self, episode: Episode) -> None:
        """Take an episode that has ended; it is written with the next ones, or soon."""
        self._sort_in(episode)
        self._new.append(episode)
        if len(self._new) >= _SHARD or time.monotonic() - self._written > _EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write the episodes that are not on disk yet."""
        if self._new:
            EpisodeWriter(self.folder).write(self._new)
        self._new, self._written = [], time.monotonic()

    def _load(self) -> None:
        for episode in read_episodes(self.folder):
            self._sort_in(episode)

    def _sort_in(self, episode: Episode) -> None:
        """A later try of an episode replaces the earlier one, but not what that used."""
        for name, value in usage_of([episode]).items():
            self.usage[name] = self.usage.get(name, 0.0) + value
        if episode.fault is None:
            self.broken.pop(episode.id, None)
            self.episodes[episode.id] = episode
        else:
            self.broken[episode.id] = episode

    def _result(self, starts: Sequence[Start]) -> RolloutResult:
        """Episodes in the order of their starts, whoever ended first."""
        ids = [start.id for start in starts]
        return RolloutResult(
            [self.episodes[i] for i in ids if i in self.episodes],
            [self.broken[i] for i in ids if i in self.broken],
        )

    def _describe(self, scores: dict[str, Any]) -> None:
        content = {"plan": self.plan} | ({"scores": scores} if scores else {})
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / _FILE, json.dumps(content, indent=2) + "\n")


def _check_same(recorded: dict[str, Any], plan: dict[str, Any], folder: Path) -> None:
    for name in sorted(recorded.keys() | plan.keys()):
        was, now = recorded.get(name), plan.get(name)
        grown = name == _MAY_GROW and isinstance(was, int) and plan[name] > was
        if was != now and not grown:
            raise UsageError(
                f"{folder} holds an evaluation with {name} {was!r}, not {now!r}: give another "
                "folder, or the same settings"
            )


def _recorded_plan(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except ValueError:
        content = None
    plan = content.get("plan") if isinstance(content, dict) else None
    if not isinstance(plan, dict):
        raise UsageError(f"{path} is damaged: restore it from a copy")
    return plan
