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
from envgym.rollout.start import RolloutLimits, RolloutResult, Start
from envgym.stop_reason import StopReason
from envgym.trainers.reproduce.table.config import EnvironmentWorld
from envgym.trainers.reproduce.table.extraction import parse_action
from envgym.trainers.reproduce.table.machine import Machine
from envgym.trainers.reproduce.table.world import World
from envgym.trajectory import Episode, Span, Trajectory, Turn


class ActionSampler:
    """Sampler of actions from a table's log-probabilities.

    Args:
        version: Number of the policy's version, recorded with each action.
    """

    _hinted: dict[tuple[int, ...], ActionSampler]

    def __init__(self, log_probs: np.ndarray, version: int) -> None:
        self.version = version
        self.log_probs: list[list[float]] = log_probs.tolist()
        self._cumulative: list[list[float]] = np.exp(log_probs).cumsum(1).tolist()
        self._hinted = {}

    def draw(self, state: int, rng: random.Random) -> int:
        """Index of an action."""
        row = self._cumulative[state]
        return min(bisect_right(row, rng.random() * row[-1]), len(row) - 1)

    def hinted(self, tokens: tuple[int, ...], strength: float) -> ActionSampler:
        """The sampler of the same policy that sees hints.

        Args:
            tokens: Tokens of the actions that the hints tell; one told twice counts twice.
            strength: Amount that a hint adds to the logit of its action.
        """
        if tokens not in self._hinted:
            logits = np.array(self.log_probs)
            np.add.at(logits.reshape(-1), list(tokens), strength)
            logits -= np.log(np.exp(logits).sum(1, keepdims=True))
            self._hinted[tokens] = ActionSampler(logits, self.version)
        return self._hinted[tokens]


class TablePlayer(Protocol):
    """Player of a table's episodes.

    Attributes:
        sampler: Sampler of the policy's actions, set before each step.
        step: Number of the training steps done.
    """

    sampler: ActionSampler
    step: int

    async def play(self, starts: Sequence[Start]) -> RolloutResult:
        """Play starts to their ends, in order."""

    async def close(self) -> None:
        """Release what it holds."""


class MachinePlayer:
    """Plays in a world's state machines, with hints or from a prefix of actions.

    Args:
        strength: Amount that a hint adds to the logit of its action.
    """

    sampler: ActionSampler

    def __init__(self, world: World, strength: float = 0.0) -> None:
        self.step = 0
        self.strength = strength
        self._machines = {
            task.key: _Steps(machine)
            for task, machine in zip(world.tasks, world.training, strict=True)
        }
        self._hints = {
            task.key: hints for task, hints in zip(world.tasks, world.hints, strict=True)
        }
        machine = world.machine
        self._actions = [parse_action(name) for name in machine.actions]
        self._tokens = {
            f"{state}: {action}": i * len(machine.actions) + j
            for i, state in enumerate(machine.states)
            for j, action in enumerate(machine.actions)
        }

    async def play(self, starts: Sequence[Start]) -> RolloutResult:
        """Play starts to their ends, in order."""
        return RolloutResult([self._episode(start) for start in starts])

    async def demonstrate(self, starts: Sequence[Start]) -> RolloutResult:
        """Play the actions that lead on, in order."""
        return RolloutResult([self._episode(start, by_oracle=True) for start in starts])

    async def hints(self, attempt: Episode) -> tuple[str, ...]:
        """Hints on the attempt's task, weakest first."""
        return self._hints[attempt.task.key]

    async def close(self) -> None:
        """Release nothing: a machine holds no resources."""

    def _episode(self, start: Start, by_oracle: bool = False) -> Episode:
        assert start.task is not None
        steps = self._machines[start.task.key]
        machine, state, score = steps.machine, steps.machine.start, 0.0
        for taken in start.prefix_actions:
            state = steps.next[state][self._actions.index(taken)]
        context = [Span(m.kind, self._read(m.content)) for m in start.guidance]
        told = tuple(token for span in context for token in span.ids)
        sampler = self.sampler.hinted(told, self.strength) if told else self.sampler
        rng = random.Random(start.sampling_seed(DEFAULT_SEAT, 0))
        turns: list[Turn] = []
        while state >= 0 and len(turns) < machine.horizon:
            action = steps.leading_on(state) if by_oracle else sampler.draw(state, rng)
            turns.append(
                Turn(
                    context=[] if turns else context,
                    action=[state * len(machine.actions) + action],
                    logprobs=[] if by_oracle else [sampler.log_probs[state][action]],
                    versions=[sampler.version],
                    reward=steps.reward[state][action],
                    taken=self._actions[action],
                    anchor=machine.states[state],
                )
            )
            if (following := steps.next[state][action]) < 0:
                score = float(machine.score[state, action])
            state = following
        return Episode(
            id=start.id,
            env="table",
            task=start.task,
            seed=start.seed,
            group=start.group,
            role=start.role,
            guided_by=start.guided_by,
            score=score,
            stop_reason=StopReason.ANSWERED if state < 0 else StopReason.MAX_TURNS,
            trajectories={DEFAULT_SEAT: Trajectory(DEFAULT_SEAT, turns)},
        )

    def _read(self, text: str) -> list[int]:
        """Tokens of the actions that a message with hints tells: ``STATE: ACTION; …`` per line."""
        return [self._tokens[part] for line in text.splitlines() for part in line.split("; ")]


class _Steps:
    """A machine as lists, which are faster to read one by one than arrays."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.next: list[list[int]] = machine.next_state.tolist()
        self.reward: list[list[float]] = machine.reward.tolist()

    def leading_on(self, state: int) -> int:
        """Index of an action that scores or, where none does, leads to another state."""
        if (scores := self.machine.score[state]).any():
            return int(scores.argmax())
        elsewhere = [following not in (-1, state) for following in self.next[state]]
        return elsewhere.index(True) if any(elsewhere) else 0


class EnvironmentPlayer:
    """Plays in the environment that a machine was extracted from, through the rollout."""

    sampler: ActionSampler

    def __init__(self, machine: Machine, settings: EnvironmentWorld) -> None:
        def make() -> Env[Any]:
            return envgym.make(settings.env.id, **settings.env.kwargs)

        self.step = 0
        self.agent = _TableAgent(machine)
        self.rollout = Rollout(make, RolloutLimits())

    async def play(self, starts: Sequence[Start]) -> RolloutResult:
        """Play starts to their ends, in order.

        Raises:
            Fault: An episode failed.
        """
        self.agent.sampler = self.sampler
        result = await self.rollout.run(starts, self.agent)
        if result.quarantined:
            raise Fault(f"an episode failed: {result.quarantined[0].fault}", "env")
        return result

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
