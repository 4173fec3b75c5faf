"""Episodes of a table: in its state machine, or in the environment through the rollout.

Both draw the same numbers for the same start, so that they play the same episodes.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

import envgym
from envgym.agent import Agent, Completion, Context
from envgym.env import Env
from envgym.errors import Fault
from envgym.messages import DEFAULT_SEAT
from envgym.rollout.runner import Rollout
from envgym.rollout.start import RolloutLimits, Start
from envgym.stop_reason import StopReason
from envgym.task import Task
from envgym.trainers.reproduce.table.config import EnvironmentWorld
from envgym.trainers.reproduce.table.extraction import parse_action
from envgym.trainers.reproduce.table.machine import Machine
from envgym.trajectory import Episode, Trajectory, Turn


class ActionSampler:
    """Sampler of actions from a table's log-probabilities.

    Args:
        version: Number of the policy's version, recorded with each action.
    """

    def __init__(self, log_probs: np.ndarray, version: int) -> None:
        self.version = version
        self.log_probs: list[list[float]] = log_probs.tolist()
        self._cumulative: list[list[float]] = np.exp(log_probs).cumsum(1).tolist()

    def draw(self, state: int, rng: random.Random) -> int:
        """Index of an action."""
        row = self._cumulative[state]
        return min(bisect_right(row, rng.random() * row[-1]), len(row) - 1)


class TablePlayer(Protocol):
    """Player of a table's episodes."""

    async def play(self, starts: Sequence[Start], sampler: ActionSampler) -> list[Episode]:
        """Play starts to their ends, in order."""

    async def close(self) -> None:
        """Release what it holds."""


class MachinePlayer:
    """Plays in a state machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._next: list[list[int]] = machine.next_state.tolist()
        self._reward: list[list[float]] = machine.reward.tolist()

    async def play(self, starts: Sequence[Start], sampler: ActionSampler) -> list[Episode]:
        """Play starts to their ends, in order."""
        return [self._episode(start, sampler) for start in starts]

    async def close(self) -> None:
        """Release nothing: a machine holds no resources."""

    def _episode(self, start: Start, sampler: ActionSampler) -> Episode:
        machine, state, score = self.machine, 0, 0.0
        rng = random.Random(start.sampling_seed(DEFAULT_SEAT, 0))
        turns: list[Turn] = []
        while state >= 0 and len(turns) < machine.horizon:
            action = sampler.draw(state, rng)
            turns.append(
                Turn(
                    context=[],
                    action=[state * len(machine.actions) + action],
                    logprobs=[sampler.log_probs[state][action]],
                    versions=[sampler.version],
                    reward=self._reward[state][action],
                    anchor=machine.states[state],
                )
            )
            if (following := self._next[state][action]) < 0:
                score = float(machine.score[state, action])
            state = following
        return Episode(
            id=start.id,
            env="table",
            task=start.task or Task({}),
            seed=start.seed,
            group=start.group,
            score=score,
            stop_reason=StopReason.ANSWERED if state < 0 else StopReason.MAX_TURNS,
            trajectories={DEFAULT_SEAT: Trajectory(DEFAULT_SEAT, turns)},
        )


class EnvironmentPlayer:
    """Plays in the environment that a machine was extracted from, through the rollout."""

    def __init__(self, machine: Machine, settings: EnvironmentWorld) -> None:
        def make() -> Env[Any]:
            return envgym.make(settings.env.id, **settings.env.kwargs)

        self.agent = _TableAgent(machine)
        self.rollout = Rollout(make, RolloutLimits())

    async def play(self, starts: Sequence[Start], sampler: ActionSampler) -> list[Episode]:
        """Play starts to their ends, in order.

        Raises:
            Fault: An episode failed.
        """
        self.agent.sampler = sampler
        result = await self.rollout.run(starts, self.agent)
        if result.quarantined:
            raise Fault(f"an episode failed: {result.quarantined[0].fault}", "env")
        return result.episodes

    async def close(self) -> None:
        """Close the environments."""
        await self.rollout.close()


class _TableAgent(Agent):
    """Agent that looks its action up by the state's name."""

    sampler: ActionSampler

    def __init__(self, machine: Machine) -> None:
        self._states = {name: i for i, name in enumerate(machine.states)}
        self._names = machine.actions
        self._actions = [parse_action(text) for text in machine.actions]
        self._envs: dict[str, Env[Any]] = {}
        self._rngs: dict[str, random.Random] = {}

    async def begin(self, session: str, env: Env[Any]) -> None:
        """Remember the environment, which names the states."""
        self._envs[session] = env

    async def act(self, context: Context) -> Completion:
        """Sample an action in the state that the environment names."""
        state = self._states[self._envs[context.session].anchor]
        rng = self._rngs.setdefault(context.session, random.Random(context.seed))  # of turn 0
        action = self.sampler.draw(state, rng)
        return Completion(
            ids=[state * len(self._actions) + action],
            logprobs=[self.sampler.log_probs[state][action]],
            text=self._names[action],
            version=self.sampler.version,
            action=self._actions[action],
        )

    async def end(self, session: str) -> None:
        """Forget the episode."""
        self._envs.pop(session, None)
        self._rngs.pop(session, None)
