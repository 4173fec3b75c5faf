"""The environment: Gymnasium's shape, made async and message-level.

Callers use `reset`, `step`, `close`. Authors write three hooks, `tasks`, `start` and `act`, and say
what happened with `add_reward` and `end`; seeds, deadlines, turn limits and bookkeeping are done
here, once, so that every environment has them right.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from envgym.deadlines import Deadlines, rest_within, within
from envgym.errors import EnvgymError, Fault, UsageError
from envgym.messages import Action, Message, Observation, observe
from envgym.stop import StopReason
from envgym.task import Task

if TYPE_CHECKING:
    from envgym.tools import ToolSpec
    from envgym.trajectory import Episode

TaskT = TypeVar("TaskT", bound=Task)
Info = dict[str, Any]
Content = str | Message | Sequence[Message] | Observation

DEFAULT_SEAT = "agent"


@dataclass(frozen=True)
class EnvSpec:
    """What an environment is: enough to make it again.

    Attributes:
        id: ``family/name-vN``.
        kwargs: What it was made with.
        max_turns: Turns after which an episode is truncated.
        entry_point: ``module:Class``, loaded when it is made.
    """

    id: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    max_turns: int | None = None
    entry_point: str | None = None

    @property
    def version(self) -> int:
        """The N of ``-vN``."""
        return int(self.id.rpartition("-v")[2])


class StepResult(NamedTuple):
    """What one action led to.

    Attributes:
        observation: The new messages.
        reward: This step's reward, shaping included.
        terminated: The episode ended by its own rules.
        truncated: It was cut (turns, tokens, time).
        info: ``score`` (the raw verifier, in [0, 1]), ``metrics``, ``turn``, ``seat``, and at the
            end ``stop_reason``.
    """

    observation: Observation
    reward: float
    terminated: bool
    truncated: bool
    info: Info

    @property
    def done(self) -> bool:
        """Whether the episode is over, for either reason."""
        return self.terminated or self.truncated


class Env(Generic[TaskT]):
    """One environment instance: one episode at a time, any number of episodes one after another.

    Subclasses write:

    - ``tasks(split)``: a `TaskSource`;
    - ``async start(task)``: the first observation (a str is a user message);
    - ``async act(action)``: the next observation, after `add_reward` / `end` as it applies;
    - optionally ``oracle``, ``hints``, ``partial_score`` and ``async stop`` (release resources).

    Randomness comes from `self.rng` only: same id, kwargs, seed and actions, same episode.
    """

    max_turns: int = 16
    deadlines: Deadlines = Deadlines()
    tools: Sequence[ToolSpec] = ()
    seats: Sequence[str] = (DEFAULT_SEAT,)

    spec: EnvSpec
    task: TaskT
    origin: tuple[str, int] | None = None
    """Split and index of the current task; None where the reset was given the task itself."""
    _rng: random.Random | None = None
    _stop: StopReason | None

    def __init__(self, *, max_turns: int | None = None) -> None:
        if max_turns is not None:
            if max_turns < 1:
                raise UsageError(f"max_turns must be at least 1, not {max_turns}")
            self.max_turns = max_turns
        self.spec = EnvSpec(f"{type(self).__name__.lower()}-v0", {}, self.max_turns)
        self._seeds = random.Random()
        self._episode_seed = 0
        self._phase = "new"

    # --- what authors write ---------------------------------------------------------------------

    def tasks(self, split: str = "train") -> Sequence[TaskT]:
        """The tasks of a split; sized, indexable, the same for the same arguments."""
        raise UsageError(f"{type(self).__name__} must define tasks(split)")

    async def start(self, task: TaskT) -> Content:
        """Begin an episode of `task`; returns what the agent sees first."""
        raise UsageError(f"{type(self).__name__} must define start(task)")

    async def act(self, action: Action) -> Content:
        """Apply one action; returns what is new to see."""
        raise UsageError(f"{type(self).__name__} must define act(action)")

    async def stop(self) -> None:
        """Release what the instance holds; called once, by `close`."""

    def partial_score(self) -> float:
        """The score of an episode that was cut before its end."""
        return 0.0

    def oracle(self) -> AsyncIterator[Action]:
        """An expert that solves the current task: for demonstrations and for the checker."""
        raise UsageError(f"{self.spec.id} has no oracle: define oracle() as an async generator")

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Graded guidance for the task (or a failed attempt at it), weakest first.

        Never the gold answer verbatim.
        """
        return ()

    # --- what authors call ----------------------------------------------------------------------

    def add_reward(self, reward: float) -> None:
        """Add to the reward of the step in progress."""
        self._reward += reward

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
        self._reward += self.score if reward is None else reward
        self._stop = stop

    @property
    def rng(self) -> random.Random:
        """The episode's own random numbers, seeded by its reset."""
        if self._rng is None:  # seeding costs more than many a step: not unless it is used
            self._rng = random.Random(self._episode_seed)
        return self._rng

    @property
    def ended(self) -> bool:
        """Whether `end` was called in this episode."""
        return self._stop is not None

    # --- what callers use -----------------------------------------------------------------------

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin a new episode.

        Args:
            seed: Makes the episode reproducible; without it the next of this instance's stream.
            options: ``task`` (a `Task`), or ``split`` and ``index`` to choose one; otherwise the
                seed draws one from ``split`` (default ``train``).

        Raises:
            Fault: The environment could not begin (deadline, infrastructure).
            UsageError: It is closed, or the options name no task.
        """
        if self._phase == "closed":
            raise UsageError(f"{self.spec.id} is closed: make a new one")
        if seed is not None:
            self._seeds = random.Random(f"{self.spec.id}:{seed}")
        self._episode_seed = self._seeds.getrandbits(64)
        self._rng = None
        self.task = self._choose(options or {})
        self.turn = 0
        self.seat = self.seats[0]
        self.score = 0.0
        self.metrics: dict[str, float] = {}
        self._reward = 0.0
        self._stop = None
        self._phase = "broken"  # until it has begun: a cancelled reset leaves nothing to step
        observation = observe(await self._within(self.deadlines.reset, self.start, self.task))
        self._phase = "running"
        return observation, self._info()

    async def step(self, action: Action) -> StepResult:
        """Apply an action.

        Raises:
            Fault: Infrastructure or the environment itself failed: the episode has no reward.
            UsageError: No episode is running.
        """
        if self._phase != "running":
            raise UsageError(f"cannot step: the episode is {self._phase}; call reset first")
        self._phase = "broken"
        self._reward = 0.0
        self.turn += 1
        # What `_within` does, without its frames: most steps wait for nothing, and there are many.
        try:
            work = self.act(action)
            try:
                first = work.send(None)
            except StopIteration as done:
                content = done.value
            else:
                content = await rest_within(self.deadlines.step, work, first)
        except EnvgymError:
            raise
        except Exception as error:
            raise self._fault("act", self.deadlines.step, error) from error
        # A text, what most steps give, without the call of `observe`.
        observation = Observation(content) if type(content) is str else observe(content)
        terminated = self._stop is not None
        truncated = not terminated and self.turn >= self.max_turns
        if truncated:
            self._stop = StopReason.MAX_TURNS
            self.score = self.partial_score()
        self._phase = "over" if terminated or truncated else "running"
        result = (observation, self._reward, terminated, truncated, self._info())
        return tuple.__new__(StepResult, result)

    async def close(self) -> None:
        """Release everything; safe to call twice.

        Raises:
            Fault: Something could not be released, or not before the deadline.
        """
        if self._phase == "closed":
            return
        self._phase = "closed"
        await self._within(self.deadlines.close, self.stop)

    async def __aenter__(self) -> Env[TaskT]:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # --- bookkeeping ----------------------------------------------------------------------------

    def _info(self) -> Info:
        info: Info = {
            "score": self.score,
            "metrics": dict(self.metrics),  # a copy: infos already given out never change
            "turn": self.turn,
            "seat": self.seat,
        }
        if self._stop is not None:
            info["stop_reason"] = self._stop
        return info

    def _choose(self, options: dict[str, Any]) -> TaskT:
        if unknown := set(options) - {"task", "split", "index"}:
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

    async def _within(self, seconds: float | None, hook: Any, *arguments: Any) -> Any:
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
