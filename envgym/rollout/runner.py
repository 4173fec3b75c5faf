"""Rollouts: play many episodes concurrently, from tasks and an agent to recorded episodes.

Environments are pooled and reused; a fault is retried in a fresh environment, then
quarantined: it comes back as an episode with `fault` set, apart from the others, never as a reward.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from envgym.agent import Agents, SeatedAgents, agents_by_seat
from envgym.env import Env
from envgym.errors import Fault, FaultKind
from envgym.rollout.episode import run_episode
from envgym.rollout.loop_fairness import FairYield, LoopLag
from envgym.rollout.start import Limits, RolloutLimits, RolloutResult, Start
from envgym.trajectory import Episode

__all__ = ["Limits", "Rollout", "RolloutLimits", "RolloutResult", "Start", "run_episode"]

_BUDGET: FaultKind = "budget"


class Rollout:
    """Runner of episodes in one environment.

    Args:
        make: Makes an environment instance; called at most `limits.concurrency` times at once.
    """

    def __init__(self, make: Callable[[], Env[Any]], limits: RolloutLimits | None = None) -> None:
        self._make = make
        self._idle: list[Env[Any]] = []
        self.limits = limits or RolloutLimits()

    async def run(
        self,
        starts: Sequence[Start],
        agent: Agents,
        on_episode: Callable[[Episode], None] | None = None,
        *,
        keep: bool = True,
    ) -> RolloutResult:
        """Play every start to the end of its episode.

        Args:
            agent: The agent of all seats, or one for each seat by name.
            on_episode: Called in the loop as each episode ends (progress, live views).
            keep: The result holds the episodes. Otherwise only `on_episode` receives them,
                and memory does not grow with their number.
        """
        result = RolloutResult()
        began = time.monotonic()
        seats = agents_by_seat(agent)
        lag = LoopLag()
        pace = FairYield()
        slots: list[Episode | None] = [None] * len(starts) if keep else []
        todo = iter(enumerate(starts))
        failed = 0
        playing = min(self.limits.concurrency, len(starts))

        async def worker() -> None:
            nonlocal failed, playing
            for index, start in todo:
                episode = await self._try(start, seats, result, pace)
                if keep:
                    slots[index] = episode
                if _kind(episode) == _BUDGET:
                    result.stopped = result.stopped or str(episode.fault)
                else:
                    failed += episode.fault is not None
                if failed > max(10, self.limits.fault_rate * len(starts)):
                    raise Fault(f"{failed} of {len(starts)} episodes failed; last: {episode.fault}")
                if on_episode is not None:
                    on_episode(episode)
                if result.stopped:  # running episodes continue while their turns fit the budget
                    break
            playing -= 1
            seats.leave()

        seats.join(playing)  # before the first of them acts
        workers = [asyncio.create_task(worker()) for _ in range(playing)]
        lag.start()
        try:
            await asyncio.gather(*workers)
        finally:
            result.loop_lag_s = lag.stop()
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            for _ in range(playing):  # the workers that stopped
                seats.leave()
        for episode in slots:
            if episode is not None:
                (result.quarantined if episode.fault else result.episodes).append(episode)
        result.wall_s = time.monotonic() - began
        return result

    async def close(self) -> None:
        """Close the pooled environments, all of them; then raise the first fault, if any."""
        idle, self._idle = self._idle, []
        outcomes = await asyncio.gather(*(env.close() for env in idle), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def stream(
        self,
        groups: Iterable[Sequence[Start]] | AsyncIterable[Sequence[Start]],
        agent: Agents,
        result: RolloutResult | None = None,
    ) -> AsyncIterator[list[Episode]]:
        """Play groups of starts; yield each group's episodes once its last one has ended.

        At most `limits.concurrency` episodes run at once; the next group is taken as soon as there
        is room. A group lacks the members that are in quarantine.

        Args:
            agent: As for `run`.
            result: Receives faults and quarantined episodes; its `episodes` stay empty.

        Raises:
            Fault: A budget is spent, or too many episodes failed.
        """
        found = RolloutResult() if result is None else result
        seats = agents_by_seat(agent)
        room = asyncio.Semaphore(self.limits.concurrency)
        ended: asyncio.Queue[list[Episode] | Exception | None] = asyncio.Queue()
        pace = FairYield()
        started = failed = 0

        async def play(start: Start) -> Episode:
            nonlocal failed
            try:
                episode = await self._try(start, seats, found, pace)
            finally:
                seats.leave()
                room.release()
            if episode.fault is not None:
                found.quarantined.append(episode)
                failed += 1
                if _kind(episode) == _BUDGET:
                    raise Fault(episode.fault, "budget")
                if failed > max(10, self.limits.fault_rate * started):
                    raise Fault(f"{failed} of {started} episodes failed; last: {episode.fault}")
            return episode

        async def collect(members: Sequence[asyncio.Task[Episode]]) -> None:
            played = await asyncio.gather(*members)
            ended.put_nowait([episode for episode in played if episode.fault is None])

        async def play_all() -> None:
            nonlocal started
            try:
                async with asyncio.TaskGroup() as tasks:
                    async for group in _async(groups):
                        members = []
                        for start in group:
                            await room.acquire()
                            seats.join(1)
                            started += 1
                            members.append(tasks.create_task(play(start)))
                        tasks.create_task(collect(members))
            except* Exception as errors:
                ended.put_nowait(errors.exceptions[0])
            ended.put_nowait(None)

        playing = asyncio.create_task(play_all())
        try:
            while (item := await ended.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)

    async def hints(self, attempt: Episode | Start) -> tuple[str, ...]:
        """Ask an environment of the pool for hints on an attempt, or on a start's task.

        The environment begins the task anew, at the attempt's seed. Weakest hint first.
        """
        env = self._idle.pop() if self._idle else self._make()
        try:
            await env.reset(seed=attempt.seed, options={"task": attempt.task})
            found = tuple(env.hints(attempt if isinstance(attempt, Episode) else None))
        except BaseException:
            await env.close()
            raise
        self._idle.append(env)
        return found

    async def _try(
        self, start: Start, agent: SeatedAgents, result: RolloutResult, pace: FairYield
    ) -> Episode:
        for attempt in range(self.limits.retries + 1):
            if pace.due():
                await pace.wait_turn()
            env = self._idle.pop() if self._idle else self._make()
            try:
                episode = await run_episode(env, agent, start, self.limits.episode_s, pace)
            except BaseException:  # cancelled, or the agent raised: the env is in no pool
                await env.close()
                raise
            if episode.fault is None:
                result.retried += attempt
                self._idle.append(env)
                return episode
            kind = _kind(episode)
            result.faults[kind] = result.faults.get(kind, 0) + 1
            try:
                await env.close()
            except Exception as error:
                episode.fault += f"; closing it: {error}"
            if kind == _BUDGET:
                break
        return episode


def _kind(episode: Episode) -> str:
    """The kind of the episode's fault; empty where it has none."""
    return (episode.fault or "").partition(":")[0]


async def _async(
    groups: Iterable[Sequence[Start]] | AsyncIterable[Sequence[Start]],
) -> AsyncIterator[Sequence[Start]]:
    if isinstance(groups, AsyncIterable):
        async for group in groups:
            yield group
    else:
        for group in groups:
            yield group
