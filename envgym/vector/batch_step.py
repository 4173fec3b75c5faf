"""Batched step of many environments; results are collected in columns.

Most steps of small environments wait for nothing. They run at once, without a coroutine, result and
info for each; the caller awaits the others concurrently.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator, Mapping, Sequence, Set
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envgym.env import Env, Info
from envgym.messages import Action, Observation
from envgym.vector.batch_info import BatchedInfo

_NONE: Mapping[str, float] = MappingProxyType({})


def own_ways(envs: Sequence[Env[Any]]) -> frozenset[int]:
    """Indices of environments that override `step` or `reset`; they take the async path."""
    return frozenset(
        i
        for i, env in enumerate(envs)
        if type(env).step is not Env.step or type(env).reset is not Env.reset
    )


class BatchStep:
    """One step of n environments.

    Args:
        envs: The environments.
        actions: One for each.
        seen: Last observation of each; kept where a step fails.
        over: Indices of those that are reset instead.
        own: Indices of those that have a `step` or `reset` of their own (`own_ways`).
        again: Reset an environment at once when its episode ends; the last observation and info
            are kept in the new info under ``final_obs`` and ``final_info``.

    Attributes:
        observations: Current observation of each.
        failed: Exceptions of failed environments, by index.
        ended: Indices of those whose episode ended; complete after `read`, as what follows.
        rewards: Rewards (float64, n).
        terminations, truncations: End flags (bool, n).
        infos: Infos of all environments.
    """

    rewards: NDArray[np.float64]
    infos: BatchedInfo

    def __init__(
        self,
        envs: Sequence[Env[Any]],
        actions: Sequence[Action],
        seen: Sequence[Observation],
        *,
        over: Set[int],
        own: Set[int],
        again: bool,
    ) -> None:
        self._envs, self._actions = envs, actions
        self._over, self._own, self._again = over, own, again
        self.observations = list(seen)
        self.failed: dict[int, Exception] = {}
        self.ended: set[int] = set()
        self.terminations = np.zeros(len(envs), np.bool_)
        self.truncations = np.zeros(len(envs), np.bool_)
        self._rewards: dict[int, float] = {}  # where the environment no longer holds its reward
        self._infos: dict[int, Info] = {}

    def work(self) -> Generator[Awaitable[None], None, None]:
        """Step the environments; yield an awaitable for each one that has to wait."""
        over, own, again, observations = self._over, self._own, self._again, self.observations
        apart = over | own if over or own else over
        for i, (env, action) in enumerate(zip(self._envs, self._actions, strict=True)):
            reset = False
            if apart and i in apart:
                reset = i in over
                if i in own:
                    yield self._restart(i, env) if reset else self._whole(i, env, action)
                    continue
            try:
                seen = env._try_reset(None, {}) if reset else env._try_step(action)
            except Exception as error:
                self.failed[i] = error
                continue
            if not isinstance(seen, Observation):
                yield self._later(i, env, seen)
                continue
            observations[i] = seen
            if again and env._phase == "over":
                self._last(i, env)
                yield self._restart(i, env)

    def read(self) -> None:
        """Collect rewards, flags and infos once `work` is done."""
        envs, infos = self._envs, self._infos
        rewards = [env._reward for env in envs]
        columns: dict[str, list[Any]] = {
            "score": [env.score for env in envs],
            "metrics": [env.metrics.copy() if env.metrics else _NONE for env in envs],
            "turn": [env.turn for env in envs],
            "seat": [env.seat for env in envs],
        }
        # Infos with more keys than the columns have.
        for i in [i for i, env in enumerate(envs) if env._phase != "running" or env.anchor]:
            if i in infos or i in self.failed:
                continue
            if envs[i]._phase == "over":
                self._last(i, envs[i])
            else:
                infos[i] = envs[i]._info()
        for i, reward in self._rewards.items():
            rewards[i] = reward
        self.rewards = np.array(rewards, np.float64)
        self.infos = BatchedInfo(len(envs), infos, columns)

    def _last(self, i: int, env: Env[Any]) -> None:
        """Note an episode's last step."""
        self._note(i, env._reward, env._info())
        self._end(i, env._cut)

    def _note(self, i: int, reward: float, info: Info) -> None:
        self._rewards[i], self._infos[i] = reward, info

    def _end(self, i: int, cut: bool) -> None:
        self.ended.add(i)
        (self.truncations if cut else self.terminations)[i] = True

    async def _later(self, i: int, env: Env[Any], seen: Coroutine[Any, Any, Observation]) -> None:
        try:
            self.observations[i] = await seen
        except Exception as error:
            self.failed[i] = error
            return
        if self._again and env._phase == "over":
            self._last(i, env)
            await self._restart(i, env)

    async def _whole(self, i: int, env: Env[Any], action: Action) -> None:
        """A step of an environment that has its own way to take one."""
        try:
            step = await env.step(action)
        except Exception as error:
            self.failed[i] = error
            return
        self.observations[i] = step.observation
        self._note(i, step.reward, step.info)
        if step.done:
            self._end(i, step.truncated)
            if self._again:
                await self._restart(i, env)

    async def _restart(self, i: int, env: Env[Any]) -> None:
        try:
            observation, info = await env.reset()
        except Exception as error:
            self.failed[i] = error
            return
        if i in self.ended:
            info |= {"final_obs": self.observations[i], "final_info": self._infos[i]}
        self.observations[i] = observation
        self._note(i, self._rewards.get(i, 0.0), info)
