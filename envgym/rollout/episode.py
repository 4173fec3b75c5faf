"""One episode: an environment and the agents of its seats in turn, recorded as it goes."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import Any

from envgym.agent import OF_AGENT, Agents, Completion, SeatedAgents, agents_by_seat
from envgym.env import Env, Info, StepResult
from envgym.errors import Fault, UsageError
from envgym.messages import Observation
from envgym.rollout.loop_fairness import FairYield
from envgym.rollout.start import Start
from envgym.rollout.transcript import Transcript
from envgym.stop_reason import StopReason
from envgym.task import Task
from envgym.trajectory import Episode, Span


async def run_episode(
    env: Env[Any],
    agent: Agents | SeatedAgents,
    start: Start,
    seconds: float | None = None,
    pace: FairYield | None = None,
) -> Episode:
    """Play one episode. Faults are recorded in it; usage errors are raised.

    Args:
        agent: The agent of all seats, or one for each seat by name.
        seconds: Seconds that the environment may take; None for no limit.
        pace: Queue for turns on the event loop, shared with concurrent episodes.
    """
    began = time.monotonic()
    episode = Episode(
        id=start.id,
        env=env.spec.id,
        task=start.task or Task({}),
        seed=start.seed,
        group=start.group,
        role=start.role,
        guided_by=start.guided_by,
    )
    play = _Play(env, agents_by_seat(agent), start, episode, pace or FairYield())
    try:
        async with asyncio.timeout(None) as clock:
            if seconds is not None:
                play.limit(clock, seconds)
            await play.run()
    except TimeoutError as error:
        if not clock.expired():
            episode.fault = f"model: the agent timed out ({error})"
        elif not play.transcripts:
            episode.fault = f"env: the reset took the whole {seconds} s of the episode"
        elif env.ends_by_time:
            episode.stop_reason, episode.score = StopReason.TIMEOUT, env.partial_score()
        else:
            episode.fault = (
                f"env: reset and steps took more than the {seconds} s of an episode: raise the "
                "limit (episode_s), or set ends_by_time where time may end an episode"
            )
    except UsageError:
        raise
    except Fault as fault:
        episode.fault, episode.stop_reason = f"{fault.kind}: {fault}", StopReason.FAULT
    finally:
        await play.finish()
        episode.wall_s = time.monotonic() - began
    return episode


class _Play:
    """State of an episode while it is played."""

    def __init__(
        self, env: Env[Any], agents: SeatedAgents, start: Start, episode: Episode, pace: FairYield
    ) -> None:
        self.env = env
        self.agents = agents
        self.start = start
        self.episode = episode
        self.pace = pace
        self.transcripts: dict[str, Transcript] = {}
        self._usage: defaultdict[str, float] = defaultdict(float)
        self._asked: float | None = None  # when the agent was asked that acts now
        self._timer: asyncio.TimerHandle | None = None

    def limit(self, clock: asyncio.Timeout, seconds: float) -> None:
        """Let `clock` expire once the environment has taken `seconds`; agents' time is not its."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._check, clock, time.monotonic(), seconds)

    def _check(self, clock: asyncio.Timeout, began: float, seconds: float) -> None:
        """Look again later: one timer for the whole episode, so that a turn costs nothing."""
        now, loop = time.monotonic(), asyncio.get_running_loop()
        waiting = now - self._asked if self._asked is not None else 0.0
        left = seconds - (now - began - self.episode.agent_s - waiting)
        if left <= 0 and self._asked is None:
            clock.reschedule(loop.time())
        else:
            self._timer = loop.call_later(max(left, 0.01), self._check, clock, began, seconds)

    async def run(self) -> None:
        """Play to the end."""
        env, episode = self.env, self.episode
        options = {"task": self.start.task} if self.start.task is not None else {}
        began = time.monotonic()
        observation, info = await env.reset(seed=self.start.seed, options=options)
        episode.env_s += time.monotonic() - began
        episode.task = env.task
        if self.start.guidance:
            observation = Observation((*observation.messages, *self.start.guidance))
        given = iter(self.start.prefix_actions)
        while True:
            transcript = await self._transcript(info["seat"])
            transcript.observe(observation)
            finish = ""
            action = next(given, None)
            if action is not None:
                action = transcript.record_given(action)
            else:
                spans, completion = await self._ask(transcript)
                finish = completion.finish
                if finish == "quit" or (finish == "context" and not completion.ids):
                    quit_ = finish == "quit"
                    episode.stop_reason = StopReason.ABANDONED if quit_ else StopReason.MAX_TOKENS
                    episode.score, episode.metrics = env.partial_score(), dict(info["metrics"])
                    return
                action = transcript.record(spans, completion)
            transcript.trajectory.turns[-1].anchor = info.get("anchor", "")
            began = time.monotonic()
            step = await env.step(action)
            episode.env_s += time.monotonic() - began
            if self.pace.due():
                await self.pace.wait_turn()
            observation, info = step.observation, step.info
            transcript.trajectory.turns[-1].reward = step.reward
            _credit_others(info, self.transcripts)
            if step.done or finish == "context":
                transcript.observe(observation)
                _conclude(episode, env, step)
                return

    async def finish(self) -> None:
        """Enter what was played into the episode, and end the agents' sessions."""
        if self._timer is not None:
            self._timer.cancel()
        for seat, transcript in self.transcripts.items():
            self.episode.trajectories[seat] = transcript.finish()
            await self.agents[seat].end(transcript.session)
        self.episode.metrics.update(self._usage)

    async def _transcript(self, seat: str) -> Transcript:
        if seat not in self.transcripts:
            agent, session = self.agents[seat], f"{self.start.id}/{seat}"
            prefix = () if self.transcripts else self.start.prefix
            self.transcripts[seat] = Transcript(session, seat, agent.chat, self.env.tools, prefix)
            await agent.begin(session, self.env)
        return self.transcripts[seat]

    async def _ask(self, transcript: Transcript) -> tuple[list[Span], Completion]:
        """Ask the seat's agent for its next action."""
        seat = transcript.trajectory.seat
        seed = self.start.sampling_seed(seat, len(transcript.trajectory.turns))
        context, spans = transcript.context(self.start.group, seed)
        self._asked = asked = time.monotonic()
        completion = await self.agents[seat].act(context)
        self._asked = None
        self.episode.agent_s += time.monotonic() - asked
        for name, value in completion.metrics.items():
            self._usage[OF_AGENT + name] += value
        if self.pace.due():
            await self.pace.wait_turn()
        if completion.guidance:
            transcript.guide(completion.guidance)
        return spans, completion


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
