"""The environment base class: Gymnasium's interface, made async and message-level.

Callers use `reset`, `step` and `close`. Authors write three hooks, `tasks`, `start` and `act`, and
call `add_reward` and `end`. Seeds, deadlines, turn limits and bookkeeping are handled here once,
for every environment.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypedDict, TypeVar

from envgym.deadlines import Deadlines, within
from envgym.errors import EnvgymError, Fault, UsageError
from envgym.messages import DEFAULT_SEAT, Action, Message, Observation, observe
from envgym.stop_reason import StopReason
from envgym.task import Task

if TYPE_CHECKING:
    from envgym.tools import ToolSpec
    from envgym.trajectory import Episode

TaskT = TypeVar("TaskT", bound=Task)
ResultT = TypeVar("ResultT")
Content = str | Message | Sequence[Message] | Observation


class Info(TypedDict, total=False):
    """Facts about a reset or a step that are not for the agent.

    `score`, `metrics`, `turn` and `seat` are always there.

    Attributes:
        score: The raw verifier score, in [0, 1].
        metrics: The environment's own numbers, by name.
        turn: Turns taken in this episode.
        seat: The seat that acts next.
        anchor: The name of the state that the agent now acts in, where the environment has one.
        stop_reason: Why the episode ended; only once it has.
        rewards: Rewards of this step for other seats than the one that acted, by seat.
    """

    score: float
    metrics: dict[str, float]
    turn: int
    seat: str
    anchor: str
    stop_reason: StopReason
    rewards: Mapping[str, float]


class Phase(StrEnum):
    """State of an instance between its construction and `Env.close`."""

    NEW = "new"
    RUNNING = "running"
    OVER = "over"
    BROKEN = "broken"
    """A reset or step has not finished: it is under way, failed or was cancelled."""
    CLOSED = "closed"


_OPTIONS = frozenset(["task", "split", "index"])


@dataclass(frozen=True)
class EnvSpec:
    """Specification of an environment: its id, constructor arguments and entry point.

    Attributes:
        id: ``family/name-vN``.
        kwargs: Its constructor arguments.
        max_turns: Turns after which an episode is truncated.
        entry_point: ``module:Class``, imported by `make`.
    """

    id: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    max_turns: int | None = None
    entry_point: str | None = None

    @property
    def version(self) -> int:
        """Version number: the N of ``-vN``."""
        return int(self.id.rpartition("-v")[2])


class StepResult(NamedTuple):
    """Result of one step: observation, reward, end flags and info.

    Attributes:
        observation: The new messages.
        reward: This step's reward, shaping included.
        terminated: The episode ended by its own rules.
        truncated: The episode was cut (turns, tokens, time).
        info: Facts that are not for the agent; see `Info`.
    """

    observation: Observation
    reward: float
    terminated: bool
    truncated: bool
    info: Info

    @property
    def done(self) -> bool:
        """Flag that the episode is over, terminated or truncated."""
        return self.terminated or self.truncated


class Env(Generic[TaskT]):
    """One environment instance: one episode at a time, any number of episodes one after another.

    Subclasses write:

    - ``tasks(split)``: a `TaskSource`;
    - ``async start(task)``: the first observation (a str is a user message);
    - ``async act(action)``: the next observation, after `add_reward` / `end` as it applies;
    - optionally ``oracle``, ``near_misses``, ``hints``, ``partial_score`` and ``async stop``
      (release resources).

    Randomness comes from `self.rng` only: same id, kwargs, seed and actions, same episode.
    """

    max_turns: int = 16
    deadlines: Deadlines = Deadlines()
    ends_by_time: bool = False
    """Flag that an episode over a rollout's time limit ends with its partial score; else it is a
    fault."""
    tools: Sequence[ToolSpec] = ()
    seats: Sequence[str] = (DEFAULT_SEAT,)

    spec: EnvSpec
    origin: tuple[str, int] | None = None
    """Split and index of the current task; None where the reset was given the task itself."""
    anchor: str = ""
    """The name of the state that the agent now acts in, set by authors where there is one: the same
    state, the same name, whatever led there. Credit compares actions by it (GiGPO)."""
    turn: int = 0
    seat: str = DEFAULT_SEAT
    score: float = 0.0
    _current_task: TaskT | None = None
    _reward: float = 0.0
    _rng: random.Random | None = None
    _stop: StopReason | None = None
    _cut: bool = False  # whether the episode that is over was cut at its last turn

    def __init__(self, *, max_turns: int | None = None) -> None:
        if max_turns is not None:
            if max_turns < 1:
                raise UsageError(f"max_turns must be at least 1, not {max_turns}")
            self.max_turns = max_turns
        self.spec = EnvSpec(f"{type(self).__name__.lower()}-v0", {}, self.max_turns)
        self._seeds = random.Random()
        self._episode_seed = 0
        self._phase = Phase.NEW
        self.metrics: dict[str, float] = {}

    # --- what authors write ---------------------------------------------------------------------

    def tasks(self, split: str = "train") -> Sequence[TaskT]:
        """Return the task source of a split; sized, indexable, the same for the same arguments."""
        raise UsageError(f"{type(self).__name__} must define tasks(split)")

    async def start(self, task: TaskT) -> Content:
        """Begin an episode of `task`; return the first observation."""
        raise UsageError(f"{type(self).__name__} must define start(task)")

    async def act(self, action: Action) -> Content:
        """Apply one action; return the next observation."""
        raise UsageError(f"{type(self).__name__} must define act(action)")

    async def stop(self) -> None:
        """Release the resources of the instance; called once, by `close`."""

    def partial_score(self) -> float:
        """Score an episode that was truncated, in [0, 1]."""
        return 0.0

    def oracle(self) -> AsyncIterator[Action]:
        """Yield an expert's actions for the current task, for demonstrations and the checker."""
        raise UsageError(f"{self.spec.id} has no oracle: define oracle() as an async generator")

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """Wrong attempts at the current task that are close to right and must score below 1.0.

        Each is a whole attempt, played from a reset of the same task. The checker tests the
        verifier with them, as it does with the oracle.
        """
        return ()

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Graded hints for the task (or for a failed attempt at it), weakest first.

        Never the gold answer verbatim.
        """
        return ()

    # --- what authors call ----------------------------------------------------------------------

    def add_reward(self, reward: float) -> None:
        """Add to the reward of the current step; a NumPy or torch scalar becomes a float."""
        self._reward = float(self._reward + reward)

    def end(
        self,
        score: float,
        *,
        reward: float | None = None,
        stop: StopReason = StopReason.ANSWERED,
    ) -> None:
        """End the episode in this step.

        Args:
            score: The verifier's verdict, in [0, 1].
            reward: Added to the step's reward; the score unless given.
            stop: Why it ended.
        """
        if not 0.0 <= score <= 1.0:
            raise UsageError(f"score must be in [0, 1], not {score}: put shaping into the reward")
        self.score = float(score)
        self._reward = float(self._reward + (self.score if reward is None else reward))
        self._stop = stop

    @property
    def rng(self) -> random.Random:
        """Random generator of the instance; a reset with a seed restarts it."""
        if self._rng is None:  # seeding costs more than many a step: not unless it is used
            self._rng = random.Random(self._episode_seed)
        return self._rng

    @property
    def task(self) -> TaskT:
        """The current episode's task.

        Raises:
            UsageError: There is none before the first reset.
        """
        if self._current_task is None:
            raise UsageError(f"{self.spec.id} has no task yet: call reset first")
        return self._current_task

    @task.setter
    def task(self, task: TaskT) -> None:
        self._current_task = task

    @property
    def ended(self) -> bool:
        """Flag that `end` was called in this episode.

        Raises:
            UsageError: There is no episode before the first reset.
        """
        if self._phase is Phase.NEW:
            raise UsageError(f"{self.spec.id} has no episode yet: call reset first")
        return self._stop is not None

    # --- what callers use -----------------------------------------------------------------------

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin a new episode; return its first observation and info.

        Args:
            seed: Makes the episode reproducible. Without it the instance's random numbers go on,
                as Gymnasium's do; its next task does not depend on how many were drawn.
            options: ``task`` (a `Task`), or ``split`` and ``index`` to choose one; otherwise the
                seed draws one from ``split`` (default ``train``).

        Raises:
            Fault: The environment could not begin (deadline, infrastructure).
            UsageError: It is closed, or the options name no task.
        """
        if self._phase is Phase.CLOSED:
            raise UsageError(f"{self.spec.id} is closed: make a new one")
        if seed is not None:
            self._seeds = random.Random(f"{self.spec.id}:{seed}")
            self._rng = None
        self._episode_seed = self._seeds.getrandbits(64)
        self.task = task = self._choose(options or {})
        self._clear_episode()
        self._phase = Phase.BROKEN  # until it has begun: a cancelled reset leaves nothing to step
        content = await self._within(self.deadlines.reset, self.start, task)
        return self._observed(content), self._info()

    async def step(self, action: Action) -> StepResult:
        """Apply one action; return observation, reward, end flags and info.

        Raises:
            Fault: Infrastructure or the environment itself failed: the episode has no reward.
            UsageError: No episode is running.
        """
        if self._phase is not Phase.RUNNING:
            raise UsageError(f"cannot step: the episode is {self._phase}; call reset first")
        self._phase = Phase.BROKEN  # until it is done: a cancelled step leaves nothing to go on
        self._reward = 0.0
        self.turn += 1
        content = await self._within(self.deadlines.step, self.act, action)
        observation = self._observed(content)
        terminated = self._phase is Phase.OVER and not self._cut
        return StepResult(observation, self._reward, terminated, self._cut, self._info())

    async def close(self) -> None:
        """Release every resource; safe to call twice.

        Raises:
            Fault: Something could not be released, or not before the deadline.
        """
        if self._phase is Phase.CLOSED:
            return
        self._phase = Phase.CLOSED
        await self._within(self.deadlines.close, self.stop)

    async def __aenter__(self) -> Env[TaskT]:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # --- bookkeeping ----------------------------------------------------------------------------

    def _observed(self, content: Content) -> Observation:
        """Convert a hook's return value to an observation and end the turn."""
        observation = observe(content)
        if self._stop is not None and self.turn:
            self._phase = Phase.OVER
        elif self.turn >= self.max_turns:
            self._stop = StopReason.MAX_TURNS
            self.score = self.partial_score()
            self._phase, self._cut = Phase.OVER, True
        else:
            self._phase = Phase.RUNNING
        return observation

    def _info(self) -> Info:
        info: Info = {
            "score": self.score,
            "metrics": _plain_numbers(self.metrics) if self.metrics else {},
            "turn": self.turn,
            "seat": self.seat,
        }
        if self.anchor:
            info["anchor"] = self.anchor
        if self._stop is not None:
            info["stop_reason"] = self._stop
        return info

    def _clear_episode(self) -> None:
        """Be at an episode's beginning."""
        self.turn = 0
        self.seat = self.seats[0]
        self.score = 0.0
        self.metrics = {}
        self.anchor = ""
        self._reward = 0.0
        self._stop = None
        self._cut = False

    def _choose(self, options: dict[str, Any]) -> TaskT:
        if unknown := options.keys() - _OPTIONS:
            raise UsageError(f"unknown reset options {sorted(unknown)}: use task, split, index")
        if (task := options.get("task")) is not None:
            self.origin = None
            return task
        split, index = options.get("split", "train"), options.get("index")
        source = self.tasks(split)
        if index is None:
            index = self._episode_seed % len(source)  # self.rng is the episode's alone
        elif not 0 <= index < len(source):
            raise UsageError(f"no task {index}: {self.spec.id} has {len(source)} in this split")
        self.origin = split, index
        return source[index]

    async def _within(
        self,
        seconds: float | None,
        hook: Callable[..., Coroutine[Any, Any, ResultT]],
        *arguments: Any,
    ) -> ResultT:
        """Run a hook under its deadline; whatever breaks in it is a fault, not a reward."""
        try:
            return await within(seconds, hook(*arguments))
        except EnvgymError:
            raise
        except Exception as error:
            raise self._fault(hook.__name__, seconds, error) from error

    def _fault(self, hook: str, seconds: float | None, error: Exception) -> Fault:
        what = (
            f"passed its deadline of {seconds} s"
            if isinstance(error, TimeoutError)
            else f"raised {type(error).__name__}: {error}"
        )
        return Fault(f"{self.spec.id}: {hook} {what}", "env")


def _plain_numbers(metrics: dict[str, Any]) -> dict[str, Any]:
    """A copy in Python's own numbers: infos given out never change, and can be written as JSON."""
    return {
        name: value.item() if hasattr(value, "item") else value for name, value in metrics.items()
    }
