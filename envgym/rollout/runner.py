"""Rollouts: play many episodes concurrently, from tasks and an agent to recorded episodes.

Environments are pooled and reused; a fault is retried in a fresh environment, then
quarantined: it comes back as an episode with `fault` set, apart from the others, never as a reward.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from envgym.agent import OF_AGENT, Agent
from envgym.env import Env, Info, StepResult
from envgym.errors import Fault, FaultKind, UsageError
from envgym.messages import Message, Observation
from envgym.rollout.loop_fairness import FairYield, LoopLag
from envgym.rollout.transcript import Transcript
from envgym.stop_reason import StopReason
from envgym.task import Task
from envgym.trajectory import Episode
from envgym.utils.seeds import derive_seed

_BUDGET: FaultKind = "budget"


@dataclass(frozen=True, slots=True)
class Start:
    """Specification of one episode to play: task, seed and group.

    Attributes:
        seed: The environment's seed; members of a group share it.
        task: The task; drawn by the seed when None.
        group: Name of the group.
        member: Index in the group; with the seed it fixes what the agent samples.
        guidance: Messages put after the first observation (hints).
    """

    seed: int
    task: Task | None = None
    group: str = ""
    member: int = 0
    guidance: tuple[Message, ...] = ()

    @property
    def id(self) -> str:
        """Id of the episode, unique in a rollout."""
        return f"{self.group or self.seed}/{self.member}"


@dataclass(frozen=True)
class RolloutLimits:
    """Limits of a rollout: concurrency, retries, time and fault rate.

    Attributes:
        concurrency: Episodes in flight at once.
        retries: Further tries after a fault, each in a fresh environment.
        episode_s: Wall-clock seconds for one episode; None for no limit.
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
        loop_lag_s: The longest that the event loop was blocked: by a tool or an agent that works
            in the loop instead of awaiting, as a rule.
    """

    episodes: list[Episode] = field(default_factory=list)
    quarantined: list[Episode] = field(default_factory=list)
    retried: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    stopped: str = ""
    loop_lag_s: float = 0.0
    wall_s: float = 0.0


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
        agent: Agent,
        on_episode: Callable[[Episode], None] | None = None,
        *,
        keep: bool = True,
    ) -> RolloutResult:
        """Play every start to the end of its episode.

        Args:
            on_episode: Called in the loop as each episode ends (progress, live views).
            keep: The result holds the episodes. Otherwise only `on_episode` receives them,
                and memory does not grow with their number.
        """
        result = RolloutResult()
        began = time.monotonic()
        lag = LoopLag()
        pace = FairYield()
        slots: list[Episode | None] = [None] * len(starts) if keep else []
        todo = iter(enumerate(starts))
        failed = 0
        playing = min(self.limits.concurrency, len(starts))

        async def worker() -> None:
            nonlocal failed, playing
            for index, start in todo:
                episode = await self._try(start, agent, result, pace)
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
            agent.leave()

        agent.join(playing)  # before the first of them acts
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
                agent.leave()
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

    async def _try(
        self, start: Start, agent: Agent, result: RolloutResult, pace: FairYield
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


async def run_episode(
    env: Env[Any],
    agent: Agent,
    start: Start,
    seconds: float | None = None,
    pace: FairYield | None = None,
) -> Episode:
    """Play one episode. Faults are recorded in it; usage errors are raised.

    Args:
        seconds: Wall-clock limit; None for none.
        pace: Queue for turns on the event loop, shared with concurrent episodes.
    """
    began = time.monotonic()
    episode = Episode(
        id=start.id,
        env=env.spec.id,
        task=start.task or Task({}),
        seed=start.seed,
        group=start.group,
    )
    transcripts: dict[str, Transcript] = {}
    used: defaultdict[str, float] = defaultdict(float)
    try:
        async with asyncio.timeout(seconds) as clock:
            await _play(env, agent, start, episode, transcripts, used, pace or FairYield())
    except TimeoutError as error:
        if not clock.expired():
            episode.fault = f"model: the agent timed out ({error})"
        elif not transcripts:
            episode.fault = f"env: the reset took the whole {seconds} s of the episode"
        else:
            episode.stop_reason, episode.score = StopReason.TIMEOUT, env.partial_score()
    except UsageError:
        raise
    except Fault as fault:
        episode.fault, episode.stop_reason = f"{fault.kind}: {fault}", StopReason.FAULT
    finally:
        for transcript in transcripts.values():
            episode.trajectories[transcript.trajectory.seat] = transcript.finish()
            await agent.end(transcript.session)
        episode.metrics.update(used)
        episode.wall_s = time.monotonic() - began
    return episode


async def _play(
    env: Env[Any],
    agent: Agent,
    start: Start,
    episode: Episode,
    transcripts: dict[str, Transcript],
    used: defaultdict[str, float],
    pace: FairYield,
) -> None:
    options = {"task": start.task} if start.task is not None else {}
    began = time.monotonic()
    observation, info = await env.reset(seed=start.seed, options=options)
    episode.env_s += time.monotonic() - began
    episode.task = env.task
    if start.guidance:
        observation = Observation((*observation.messages, *start.guidance))
    while True:
        seat = info["seat"]
        if seat not in transcripts:
            transcripts[seat] = Transcript(f"{start.id}/{seat}", seat, agent.chat, env.tools)
            await agent.begin(transcripts[seat].session, env)
        transcript = transcripts[seat]
        transcript.observe(observation)
        turn = len(transcript.trajectory.turns)
        sampling_seed = derive_seed(start.seed, start.group, start.member, seat, turn)
        context, spans = transcript.context(start.group, sampling_seed)
        asked = time.monotonic()
        completion = await agent.act(context)
        episode.agent_s += time.monotonic() - asked
        for name, value in completion.metrics.items():
            used[OF_AGENT + name] += value
        if pace.due():
            await pace.wait_turn()
        if completion.guidance:
            transcript.guide(completion.guidance)
        left = completion.finish == "quit"
        if left or (completion.finish == "context" and not completion.ids):
            episode.stop_reason = StopReason.ABANDONED if left else StopReason.MAX_TOKENS
            episode.score, episode.metrics = env.partial_score(), dict(info["metrics"])
            return
        action = transcript.record(spans, completion)
        transcript.trajectory.turns[-1].anchor = info.get("anchor", "")
        stepping = time.monotonic()
        step = await env.step(action)
        episode.env_s += time.monotonic() - stepping
        if pace.due():
            await pace.wait_turn()
        observation, info = step.observation, step.info
        transcript.trajectory.turns[-1].reward = step.reward
        _credit_others(info, transcripts)
        if step.done or completion.finish == "context":
            transcript.observe(observation)
            _conclude(episode, env, step)
            return


def _conclude(episode: Episode, env: Env[Any], step: StepResult) -> None:
    """Enter the verdict; an episode out of context is cut here, not by the environment."""
    episode.metrics = dict(step.info["metrics"])
    episode.score = step.info["score"] if step.done else env.partial_score()
    episode.stop_reason = step.info.get("stop_reason", StopReason.MAX_TOKENS)


def _credit_others(info: Info, transcripts: dict[str, Transcript]) -> None:
    """Rewards that a step gave to other seats, added to their last turn."""
    for seat, reward in info.get("rewards", {}).items():
        if seat in transcripts and transcripts[seat].trajectory.turns:
            transcripts[seat].trajectory.turns[-1].reward += reward
