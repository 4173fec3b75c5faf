"""Trajectories, and the training rows compiled from them.

A turn holds the new part of the context and the sampled ids; the library never decodes and encodes
them again. Rows, the sequences that a learner runs, are derived: consecutive turns share a row as
long as each context extends the one before, and every action token is in exactly one row.
`(trajectory, turn)` is kept per token, so credit never depends on the row layout.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from envgym.messages import DEFAULT_SEAT, Action, Kind, Message
from envgym.stop_reason import StopReason
from envgym.task import Task

KINDS: tuple[Kind, ...] = get_args(Kind)
POLICY = "policy"
"""Role of an episode that the policy played on its own."""


@dataclass(slots=True)
class Span:
    """A run of context ids of one kind."""

    kind: Kind
    ids: list[int]


@dataclass(slots=True)
class Turn:
    """One model call: the new context and the sampled action.

    Attributes:
        context: Context new since the last action; the whole context where `restart`.
        action: Sampled ids.
        logprobs: Their log-probabilities under the policy that sampled them; empty when unknown
            (demonstrations, remote models).
        versions: Policy version of each sampled id.
        restart: The history was rewritten, so a new row begins here.
        reward: This turn's reward.
        text: The action as text, for people.
        messages: The messages seen before it, for people.
        taken: The action that the environment was stepped with, for replays. None in turns made
            by hand.
        advantages: The credit each sampled id was trained with; empty where it was not.
        target_logprobs: Log-probabilities of the sampled ids under the policy just before the
            update, in the context that the loss sees, hints left out; empty where none was
            computed.
        anchor: The environment's name of the state acted in; empty where it names none.
        cut: Whether a limit on tokens ended the action, not the agent.
    """

    context: list[Span]
    action: list[int]
    logprobs: list[float] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    restart: bool = False
    reward: float = 0.0
    text: str = ""
    messages: tuple[Message, ...] = ()
    taken: Action | None = None
    advantages: list[float] = field(default_factory=list)
    anchor: str = ""
    cut: bool = False
    target_logprobs: list[float] = field(default_factory=list)

    @property
    def context_ids(self) -> list[int]:
        """Ids of the new context, concatenated."""
        return [i for span in self.context for i in span.ids]


@dataclass(slots=True)
class Trajectory:
    """The turns of one seat in an episode, and the final messages."""

    seat: str = DEFAULT_SEAT
    turns: list[Turn] = field(default_factory=list)
    final: tuple[Message, ...] = ()

    @property
    def reward(self) -> float:
        """Sum of the turn rewards."""
        return sum(turn.reward for turn in self.turns)

    @property
    def action_tokens(self) -> int:
        """Number of sampled tokens."""
        return sum(len(turn.action) for turn in self.turns)


@dataclass(slots=True)
class Episode:
    """One episode of an environment, with a trajectory for each seat.

    Attributes:
        score: The verifier's verdict in [0, 1]; meaningless where `fault` is set.
        group: Episodes of one group started from the same task.
        role: Origin of the episode: ``policy`` (the policy on its own), ``guided`` (with hints),
            ``prefixed`` (from a given prefix), ``demonstration`` (someone else's actions),
            ``critique``, or a name that a plug-in gives. Scores, curricula and baselines
            are those of the role ``policy``; every loss says which roles it trains.
        guided_by: Name of what guided the episode, such as a plug-in and its level of hints; empty
            where nothing did.
        fault: Description of the failure; such an episode is neither trained on nor scored.
        wall_s: Seconds from its start to its end, others running beside it.
        agent_s, env_s: Seconds of them spent waiting for the agent, and for reset and steps.
    """

    id: str
    env: str
    task: Task
    seed: int
    group: str = ""
    score: float = 0.0
    stop_reason: StopReason = StopReason.FAULT
    metrics: dict[str, float] = field(default_factory=dict)
    trajectories: dict[str, Trajectory] = field(default_factory=dict)
    fault: str | None = None
    wall_s: float = 0.0
    agent_s: float = 0.0
    env_s: float = 0.0
    role: str = POLICY
    guided_by: str = ""

    @property
    def trajectory(self) -> Trajectory:
        """The trajectory of the first (often the only) seat."""
        return next(iter(self.trajectories.values()))

    @property
    def turns(self) -> list[Turn]:
        """The turns of `trajectory`."""
        return self.trajectory.turns

    @property
    def reward(self) -> float:
        """The reward of `trajectory`."""
        return self.trajectory.reward


@dataclass(slots=True)
class Row:
    """One training sequence. All arrays have length T.

    Attributes:
        ids: Token ids, int64.
        mask: True on action tokens: the only ones that carry gradient.
        turn: Index of the turn an action token belongs to; -1 on context.
        logprobs: Recorded log-probs, float32; 0 on context, NaN where unknown.
        versions: Policy versions, int32; -1 on context.
        kinds: Index into `KINDS`, uint8.
    """

    ids: NDArray[np.int64]
    mask: NDArray[np.bool_]
    turn: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    versions: NDArray[np.int32]
    kinds: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ids)


def rows(trajectory: Trajectory, drop: Collection[Kind] = ()) -> list[Row]:
    """Compile a trajectory to rows by prefix extension.

    Args:
        drop: Kinds of context to leave out. ``()`` gives the behaviour context, what the sampler
            saw; ``{"hint"}`` gives the target context of guided training.
    """
    done: list[Row] = []
    draft = _Draft()
    for index, turn in enumerate(trajectory.turns):
        spans = [s for s in turn.context if s.kind not in drop]
        if turn.restart:
            rest = _beyond(draft.ids, spans)
            if rest is None:
                if draft.ids:
                    done.append(draft.row())
                draft = _Draft()
            else:
                spans = rest
        for span in spans:
            draft.add_context(span)
        draft.add_action(turn, index)
    if draft.ids:
        done.append(draft.row())
    return done


def _beyond(prefix: Sequence[int], spans: Sequence[Span]) -> list[Span] | None:
    """The part of `spans` after `prefix`, or None where they do not begin with it."""
    left = len(prefix)
    position = 0
    rest: list[Span] = []
    for span in spans:
        taken = min(left - position, len(span.ids))
        if span.ids[:taken] != list(prefix[position : position + taken]):
            return None
        position += taken
        if taken < len(span.ids):
            rest.append(Span(span.kind, span.ids[taken:]))
    return rest if position == left else None


class _Draft:
    """A row being written."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.turn: list[int] = []
        self.logprobs: list[float] = []
        self.versions: list[int] = []
        self.kinds: list[int] = []

    def add_context(self, span: Span) -> None:
        n = len(span.ids)
        self._add(span.ids, [-1] * n, [0.0] * n, [-1] * n, span.kind)

    def add_action(self, turn: Turn, index: int) -> None:
        n = len(turn.action)
        self._add(
            turn.action,
            [index] * n,
            turn.logprobs or [float("nan")] * n,
            turn.versions or [0] * n,
            "action",
        )

    def _add(
        self,
        ids: Sequence[int],
        turn: Sequence[int],
        logprobs: Sequence[float],
        versions: Sequence[int],
        kind: Kind,
    ) -> None:
        self.ids.extend(ids)
        self.turn.extend(turn)
        self.logprobs.extend(logprobs)
        self.versions.extend(versions)
        self.kinds.extend([KINDS.index(kind)] * len(ids))

    def row(self) -> Row:
        turn = np.asarray(self.turn, np.int32)
        return Row(
            ids=np.asarray(self.ids, np.int64),
            mask=turn >= 0,
            turn=turn,
            logprobs=np.asarray(self.logprobs, np.float32),
            versions=np.asarray(self.versions, np.int32),
            kinds=np.asarray(self.kinds, np.uint8),
        )
