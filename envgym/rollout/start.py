"""Inputs and results of a rollout: the specification of each episode, limits, and episodes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from envgym.messages import Action, Message
from envgym.task import Task
from envgym.trajectory import POLICY, Episode
from envgym.utils.seeds import derive_seed


@dataclass(frozen=True, slots=True)
class Start:
    """Specification of one episode to play: task, seed and group.

    Attributes:
        seed: The environment's seed; members of a group share it.
        task: The task; drawn by the seed when None.
        group: Name of the group.
        member: Index in the group; with the seed it fixes what the agent samples.
        guidance: Messages put after the first observation (hints).
        attempt: Number of times that the same start was played before: it gives the episode an id
            and sampling seeds of its own.
        role, guided_by: Those of the episode.
        prefix: Token ids with which the agent's first action begins; the agent samples the rest.
        prefix_actions: Actions with which the episode begins; the environment is stepped with
            them, no agent is asked, and nothing of them is trained.
    """

    seed: int
    task: Task | None = None
    group: str = ""
    member: int = 0
    guidance: tuple[Message, ...] = ()
    attempt: int = 0
    role: str = POLICY
    guided_by: str = ""
    prefix: tuple[int, ...] = ()
    prefix_actions: tuple[Action, ...] = ()

    @property
    def id(self) -> str:
        """Id of the episode, unique in a rollout."""
        again = f"+{self.attempt}" if self.attempt else ""
        return f"{self.group or self.seed}/{self.member}{again}"

    def again(self, **changes: Any) -> Start:
        """The same start, played once more, with other `guidance`, `role` or whatever changes."""
        return replace(self, attempt=self.attempt + 1, **changes)

    def sampling_seed(self, seat: str, turn: int) -> int:
        """Seed of what the agent of a seat samples in a turn."""
        again = (self.attempt,) if self.attempt else ()
        return derive_seed(self.seed, self.group, self.member, seat, turn, *again)


@dataclass(frozen=True)
class RolloutLimits:
    """Limits of a rollout: concurrency, retries, time and fault rate.

    Attributes:
        concurrency: Episodes in flight at once.
        retries: Further tries after a fault, each in a fresh environment.
        episode_s: Seconds that the environment may take for one episode, reset and steps together;
            waiting for the agent does not count. None for no limit. An episode over the limit
            is a fault, unless its environment `ends_by_time`.
        fault_rate: The rollout stops once more than this share of its episodes (and more than
            ten) were quarantined: the world is broken, not unlucky.
    """

    concurrency: int = 256
    retries: int = 2
    episode_s: float | None = 1800.0
    fault_rate: float = 0.5


Limits = RolloutLimits
"""Former name of `RolloutLimits`."""


@dataclass
class RolloutResult:
    """Result of a rollout: episodes in the order of their starts, quarantined ones apart.

    Attributes:
        episodes: Finished and truncated episodes, to score and train on.
        quarantined: Episodes that failed in spite of retries.
        retried: Faults that a retry made good.
        faults: Number of faults by kind, including those that a retry made good.
        stopped: Why the rollout ended before all starts were played (a budget is spent); empty
            where it did not. The episodes until then are here.
        counts: Counts of what a guidance did, by the name of their metric.
        loop_lag_s: The longest that the event loop was blocked: by a tool or an agent that works
            in the loop instead of awaiting, as a rule.
    """

    episodes: list[Episode] = field(default_factory=list)
    quarantined: list[Episode] = field(default_factory=list)
    retried: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    stopped: str = ""
    counts: dict[str, float] = field(default_factory=dict)
    loop_lag_s: float = 0.0
    wall_s: float = 0.0

    def add(self, other: RolloutResult) -> None:
        """Add the results of a further rollout of the same step."""
        self.episodes += other.episodes
        self.quarantined += other.quarantined
        self.retried += other.retried
        self.stopped = self.stopped or other.stopped
        self.wall_s += other.wall_s
        self.loop_lag_s = max(self.loop_lag_s, other.loop_lag_s)
        for kind, count in other.faults.items():
            self.faults[kind] = self.faults.get(kind, 0) + count
        for name, number in other.counts.items():
            self.count(name, number)

    def count(self, name: str, number: float = 1.0) -> None:
        """Add to the count of a metric."""
        self.counts[name] = self.counts.get(name, 0.0) + number
