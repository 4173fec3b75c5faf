"""Vector environment: many instances of one environment stepped as one, as in Gymnasium 1.x.

For loops written against a vector interface; a rollout (`envgym.rollout`) keeps its episodes apart
instead and never waits for the slowest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from envgym.env import Env, Info, StepResult
from envgym.errors import Fault, UsageError
from envgym.messages import Action, Observation
from envgym.registry import make
from envgym.vector.batch_info import BatchedInfo
from envgym.vector.lazy_gather import lazy_gather

Flags = NDArray[np.bool_]
VectorStep = tuple[list[Observation], NDArray[np.float64], Flags, Flags, BatchedInfo]


class AutoresetInfo(Info, total=False):
    """An `Info` of a reset that followed an episode's end in the same step.

    Attributes:
        final_obs: The ended episode's last observation.
        final_info: Its last info.
    """

    final_obs: Observation
    final_info: Info


def make_vec(
    id: str, n: int, *, autoreset: str | AutoresetMode = "next_step", **kwargs: Any
) -> VectorEnv:
    """Make a vector of `n` instances of a registered environment.

    Args:
        autoreset: Reset after the end of an episode: ``next_step`` (the next step resets, with
            reward 0, whatever its action), ``same_step`` (reset at once; the last observation and
            info are kept under ``final_obs`` and ``final_info``) or ``disabled`` (the caller
            resets, by ``options={"reset_mask": …}``).
        kwargs: Arguments of each instance's constructor.
    """
    if n < 1:
        raise UsageError(f"a vector needs at least one environment, not {n}")
    return VectorEnv([make(id, **kwargs) for _ in range(n)], autoreset)


class VectorEnv:
    """Environments that are stepped and closed together.

    Attributes:
        num_envs: Number of environments.
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
        self._over: set[int] = set()  # environments that the next step resets (``next_step``)

    async def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[list[Observation], BatchedInfo]:
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
        begun = await lazy_gather(
            self.envs[i].reset(seed=seeds[i], options=options) for i in chosen
        )
        infos: dict[int, Info] = {}
        failed: dict[int, Exception] = {}
        for i, outcome in zip(chosen, begun, strict=True):
            if isinstance(outcome, Exception):
                failed[i] = outcome
            else:
                self._observations[i], infos[i] = outcome
                self._over.discard(i)
        if failed:
            self._fail(failed)
        return list(self._observations), BatchedInfo(self.num_envs, infos)

    async def step(self, actions: Sequence[Action]) -> VectorStep:
        """Apply one action in each environment.

        Returns:
            Observations (list of n), rewards (float64, n), terminations and truncations (bool, n),
            infos (see `envgym.vector.batch_info`).

        Raises:
            Fault: An environment's step broke. It is raised once all others have finished theirs
                and names the index; reset that one with ``reset_mask`` to go on.
        """
        if len(actions) != self.num_envs:
            raise UsageError(f"{len(actions)} actions for {self.num_envs} environments")
        outcomes = await lazy_gather(self._advance(i, action) for i, action in enumerate(actions))
        if failed := {i: o for i, o in enumerate(outcomes) if isinstance(o, Exception)}:
            self._fail(failed)
        steps = [step for step in outcomes if isinstance(step, StepResult)]
        return (
            list(self._observations),
            np.array([step.reward for step in steps], np.float64),
            np.array([step.terminated for step in steps], np.bool_),
            np.array([step.truncated for step in steps], np.bool_),
            BatchedInfo(self.num_envs, {i: step.info for i, step in enumerate(steps)}),
        )

    async def close(self) -> None:
        """Close every environment; safe to call twice."""
        outcomes = await lazy_gather(env.close() for env in self.envs)
        if failed := {i: o for i, o in enumerate(outcomes) if o is not None}:
            self._fail(failed)

    async def __aenter__(self) -> VectorEnv:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _advance(self, i: int, action: Action) -> StepResult:
        """Step environment `i`, or reset it, as its autoreset mode says.

        Observation and end are noted here: another environment's failure must not lose them.
        """
        env = self.envs[i]
        if i in self._over:
            observation, info = await env.reset()
            self._over.discard(i)
            step = StepResult(observation, 0.0, False, False, info)
        else:
            step = await env.step(action)
        self._observations[i] = step.observation
        if step.done and self.autoreset_mode is AutoresetMode.NEXT_STEP:
            self._over.add(i)
        elif step.done and self.autoreset_mode is AutoresetMode.SAME_STEP:
            observation, info = await env.reset()
            final: AutoresetInfo = {
                **info,
                "final_obs": step.observation,
                "final_info": step.info,
            }
            self._observations[i] = observation
            step = step._replace(observation=observation, info=final)
        return step

    def _fail(self, failed: dict[int, Exception]) -> NoReturn:
        """Raise the first failure, naming its environment."""
        first, *others = sorted(failed)
        error = failed[first]
        also = f" (also failed: {others})" if others else ""
        text = f"environment {first} of {self.num_envs}: {error}{also}"
        if isinstance(error, Fault):
            raise Fault(text, error.kind) from error
        if isinstance(error, UsageError):
            raise UsageError(text) from error
        raise error

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
