"""Many instances of one environment stepped as one, in the shape of Gymnasium 1.x.

For loops written against a vector interface; a rollout (`envgym.rollout`) keeps its episodes apart
instead and never waits for the slowest of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from envgym.batched_info import batch_infos
from envgym.env import Env, Info, StepResult
from envgym.errors import Fault, UsageError
from envgym.messages import Action, Observation
from envgym.registry import make

T = TypeVar("T")
Flags = NDArray[np.bool_]
VectorStep = tuple[list[Observation], NDArray[np.float64], Flags, Flags, dict[str, Any]]


def make_vec(
    id: str, n: int, *, autoreset: str | AutoresetMode = "next_step", **kwargs: Any
) -> VectorEnv:
    """`n` instances of a registered environment.

    Args:
        autoreset: What follows the end of an episode: ``next_step`` (the next step resets, with
            reward 0, whatever its action), ``same_step`` (reset at once; the last observation and
            info are kept under ``final_obs`` and ``final_info``) or ``disabled`` (the caller
            resets, by ``options={"reset_mask": …}``).
        kwargs: For each instance's constructor.
    """
    if n < 1:
        raise UsageError(f"a vector needs at least one environment, not {n}")
    return VectorEnv([make(id, **kwargs) for _ in range(n)], autoreset)


class VectorEnv:
    """Environments stepped together; closes them all.

    Attributes:
        num_envs: How many there are.
        autoreset_mode: See `make_vec`.
    """

    def __init__(
        self, envs: Sequence[Env[Any]], autoreset: str | AutoresetMode = "next_step"
    ) -> None:
        self.envs = list(envs)
        self.num_envs = len(self.envs)
        self.autoreset_mode = _mode(autoreset)
        self.metadata = {"autoreset_mode": self.autoreset_mode}
        self._observations = [Observation()] * self.num_envs
        self._over = np.zeros(self.num_envs, np.bool_)

    async def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[list[Observation], dict[str, Any]]:
        """Begin new episodes.

        Args:
            seed: Environment i gets ``seed + i``, or its own of a list.
            options: Passed to each; ``reset_mask`` (bool, one for each environment) resets only
                some, the others' observations come back as they last were.
        """
        seeds = self._seeds(seed)
        options = dict(options or {})
        mask = self._mask(options.pop("reset_mask", None))
        chosen = np.flatnonzero(mask).tolist()
        begun = await self._together(
            {i: self.envs[i].reset(seed=seeds[i], options=options) for i in chosen}
        )
        infos: list[Info | None] = [None] * self.num_envs
        for i, (observation, info) in begun.items():
            self._observations[i], infos[i] = observation, info
        self._over &= ~mask
        return list(self._observations), batch_infos(infos)

    async def step(self, actions: Sequence[Action]) -> VectorStep:
        """Apply one action in each environment.

        Returns:
            Observations (list of n), rewards (float64, n), terminations and truncations (bool, n),
            infos (see `envgym.batched_info`).

        Raises:
            Fault: An environment's step broke. It is raised once all others have finished theirs
                and names the index; reset that one with ``reset_mask`` to go on.
        """
        if len(actions) != self.num_envs:
            raise UsageError(f"{len(actions)} actions for {self.num_envs} environments")
        done = await self._together(
            {i: self._step_one(i, action) for i, action in enumerate(actions)}
        )
        steps = [done[i] for i in range(self.num_envs)]
        infos: list[Info | None] = [begun[1] if begun else step.info for step, begun in steps]
        return (
            list(self._observations),
            np.array([step.reward for step, _ in steps], np.float64),
            np.array([step.terminated for step, _ in steps], np.bool_),
            np.array([step.truncated for step, _ in steps], np.bool_),
            batch_infos(infos) | batch_infos([_final(step) if b else None for step, b in steps]),
        )

    async def close(self) -> None:
        """Close every environment; safe to call twice."""
        await self._together({i: env.close() for i, env in enumerate(self.envs)})

    async def __aenter__(self) -> VectorEnv:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _step_one(
        self, i: int, action: Action
    ) -> tuple[StepResult, tuple[Observation, Info] | None]:
        """A step, and what its reset gave where one followed at once."""
        env = self.envs[i]
        if self._over[i] and self.autoreset_mode is AutoresetMode.NEXT_STEP:
            observation, info = await env.reset()
            step, begun = StepResult(observation, 0.0, False, False, info), None
        else:
            step, begun = await env.step(action), None
            if step.done and self.autoreset_mode is AutoresetMode.SAME_STEP:
                begun = await env.reset()
        # Noted here, not once all are done: a fault elsewhere must not lose it.
        self._observations[i] = begun[0] if begun else step.observation
        self._over[i] = step.done and not begun
        return step, begun

    async def _together(self, work: dict[int, Awaitable[T]]) -> dict[int, T]:
        """All results by index; the first failure is raised when the others are through."""
        results = await asyncio.gather(*work.values(), return_exceptions=True)
        done: dict[int, T] = {}
        failed: dict[int, BaseException] = {}
        for i, result in zip(work, results, strict=True):
            if isinstance(result, BaseException):
                failed[i] = result
            else:
                done[i] = result
        if failed:
            i, error = next(iter(failed.items()))
            also = f" (also failed: {list(failed)[1:]})" if len(failed) > 1 else ""
            text = f"environment {i} of {self.num_envs}: {error}{also}"
            if isinstance(error, Fault):
                raise Fault(text, error.kind) from error
            if isinstance(error, UsageError):
                raise UsageError(text) from error
            raise error
        return done

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int):
            return [seed + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise UsageError(f"{len(seed)} seeds for {self.num_envs} environments")
        return list(seed)

    def _mask(self, mask: Any) -> Flags:
        if mask is None:
            return np.ones(self.num_envs, np.bool_)
        mask = np.asarray(mask)
        if mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise UsageError(f"reset_mask must be {self.num_envs} booleans")
        return mask


def _mode(mode: str | AutoresetMode) -> AutoresetMode:
    if isinstance(mode, AutoresetMode):
        return mode
    if mode.upper() not in AutoresetMode.__members__:
        raise UsageError(f"autoreset must be next_step, same_step or disabled, not {mode!r}")
    return AutoresetMode[mode.upper()]


def _final(step: StepResult) -> Info:
    return {"final_obs": step.observation, "final_info": step.info}
