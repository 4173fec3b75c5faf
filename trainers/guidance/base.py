"""Interface of guidance plug-ins: they play a step's starts, with hints or without."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from envgym.env import Env
from envgym.errors import UsageError
from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.plugin import Plugin
from envgym.trajectory import Episode


class Guidance(Plugin):
    """Plug-in that plays a step's starts, once or again with hints after a low raw score.

    Attributes:
        asks: Methods of the environment that it calls: ``hints``, ``oracle``.
        untrained: Roles of episodes that are recorded and not trained on.
    """

    point: ClassVar[str] = "guidance"
    asks: ClassVar[frozenset[str]] = frozenset()
    untrained: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play `starts`; a method may add, repeat or replace episodes.

        An episode played with hints has the role ``guided`` and says what guided it: see
        `Start.again`.
        """

    def check_env(self, env: Env[Any]) -> None:
        """Check that the environment defines the methods that the guidance `asks`.

        Raises:
            UsageError: It does not define one.
        """
        for method in sorted(self.asks):
            check_defined(env, method, self.name)


def check_defined(env: Env[Any], method: str, guidance: str) -> None:
    """Check that an environment defines a method that guidance calls.

    Raises:
        UsageError: It does not.
    """
    if getattr(type(env), method) is getattr(Env, method):
        raise UsageError(
            f"guidance {guidance!r} needs {method}() and {env.spec.id} has none: define "
            f"{type(env).__name__}.{method}, or take guidance 'none'"
        )


def failures(
    starts: Sequence[Start], episodes: Sequence[Episode], most: float
) -> Iterator[tuple[list[Start], list[Episode]]]:
    """Groups all of whose members have a raw score of at most `most`: starts and episodes."""
    for members, attempts in by_group(starts, episodes):
        if max(episode.score for episode in attempts) <= most:
            yield members, attempts


def by_group(
    starts: Sequence[Start], episodes: Sequence[Episode]
) -> Iterator[tuple[list[Start], list[Episode]]]:
    """Starts and episodes of each group.

    A group lacks the members that are in quarantine; a group without any other is left out.
    """
    groups: dict[str, list[Episode]] = {}
    for episode in episodes:
        groups.setdefault(episode.group, []).append(episode)
    for name, members in groups.items():
        yield [start for start in starts if start.group == name], members


async def demonstrated(
    player: Player, starts: Sequence[Start], result: RolloutResult
) -> list[Episode]:
    """Play starts with the oracle, and return its episodes.

    Args:
        result: Receives faults, time, and the count of the oracle's episodes in quarantine, for the
            step's metrics.
    """
    shown = await player.demonstrate(starts)
    result.add(replace(shown, episodes=[]))
    result.count("guidance/oracle_quarantined", len(shown.quarantined))
    return shown.episodes


def mark_demonstrations(episodes: Sequence[Episode], min_score: float) -> None:
    """Give episodes of at least that raw score the role of demonstrations."""
    for episode in episodes:
        if episode.score >= min_score:
            episode.role = "demonstration"


def missing_judge(config: Any, judge: str) -> str | None:
    """Report that a run's `Config` has no judge of that name."""
    if judge in config.judges:
        return None
    return f"judge {judge!r} is not in judges: add `judges: {{{judge}: …}}`, or name one of them"


def missing_loss(config: Any, role: str, fix: str) -> str | None:
    """Report that no loss of a run's `Config` trains a role."""
    if any(role in loss.roles for loss in config.losses):
        return None
    return f"no loss trains its {role} episodes: {fix}"


def drops(config: Any) -> str | None:
    """Report dynamic sampling, which leaves out demonstrations of failed groups."""
    if config.rollout.dynamic_rounds == 1:
        return None
    return (
        "dynamic sampling keeps groups whose rewards differ, and demonstrations have nothing to "
        "differ from: set rollout.dynamic_rounds to 1"
    )
