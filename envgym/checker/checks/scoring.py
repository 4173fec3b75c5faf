"""Check that the reward tells success from failure: the oracle scores 1.0, an idle agent 0.0."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator

from envgym.checker.report import Problem
from envgym.checker.target import Target, spread
from envgym.checker.traces import (
    Trace,
    begin,
    play_nothing,
    play_oracle,
    play_oracle_or_stop,
)
from envgym.messages import Observation
from envgym.stop_reason import StopReason

_INFO_KEYS = ("score", "metrics", "turn", "seat")
_SAMPLE = 4
"""Tasks of a split for each episode looked at: a judge that refuses its own gold does so on few."""


async def oracle_scores_one(target: Target) -> AsyncIterator[Problem]:
    """Check that the oracle ends with a score of 1.0, on tasks spread over each split."""
    async with target.env() as env:
        for split, source in target.sources(env):
            for index in spread(len(source), _SAMPLE * target.episodes):
                trace = await begin(env, seed=index, split=split, index=index)
                await play_oracle(env, trace)
                if trace.done and trace.score == 1.0:
                    continue
                last = trace.observations[-1].text[:200]
                end = "ended with" if trace.done else "has not ended after its last action, at"
                yield Problem(
                    f"{split} task {index}: after {len(trace.steps)} oracle actions the episode "
                    f"{end} score {trace.score}; last observation: {last!r}",
                    "fix oracle() (its actions must lead to end(1.0) within max_turns) or the "
                    "verifier, whichever is wrong",
                )


async def nothing_scores_zero(target: Target) -> AsyncIterator[Problem]:
    """Check that empty actions to the end score 0.0, on tasks spread over each split."""
    async with target.env() as env:
        for split, source in target.sources(env):
            for index in spread(len(source), _SAMPLE * target.episodes):
                trace = await begin(env, seed=index, split=split, index=index)
                await play_nothing(env, trace)
                if trace.score != 0.0:
                    yield Problem(
                        f"{split} task {index}: doing nothing scores {trace.score}",
                        "let partial_score() and the verifier give 0.0 to an episode without an "
                        "answer",
                    )
                if not trace.done:
                    yield Problem(
                        f"{split} task {index}: the episode goes on after max_turns = "
                        f"{env.max_turns} actions",
                        "do not override step(); write act() and let step() count the turns",
                    )


async def results_are_well_formed(target: Target) -> AsyncIterator[Problem]:
    """Check scores in [0, 1], finite float rewards, the info's keys and a final stop reason."""
    async with target.env() as env:
        for seed in range(target.episodes):
            for play in (play_nothing, play_oracle_or_stop):
                trace = await play(env, await begin(env, seed=seed))
                for problem in _malformed(trace):
                    yield Problem(f"seed {seed}: {problem.message}", problem.fix)


def _malformed(trace: Trace) -> Iterator[Problem]:
    for info in (trace.info, *(step.info for step in trace.steps)):
        if missing := [key for key in _INFO_KEYS if key not in info]:
            yield Problem(
                f"info lacks {missing}", "do not override reset() and step(): they add it"
            )
        elif not (isinstance(info["score"], float) and 0.0 <= info["score"] <= 1.0):
            yield Problem(
                f"score is {info['score']!r}", "set it with end(score) only, as a float in [0, 1]"
            )
    for number, step in enumerate(trace.steps):
        if type(step.reward) not in (float, int) or not math.isfinite(step.reward):
            yield Problem(
                f"the reward of step {number} is {step.reward!r}",
                "give add_reward() and end() finite Python floats",
            )
        if not isinstance(step.observation, Observation):
            yield Problem(
                f"the observation of step {number} is a {type(step.observation).__name__}",
                "return a str, messages or an Observation from act()",
            )
        reason = step.info.get("stop_reason")
        if step.done and not isinstance(reason, StopReason):
            yield Problem(
                f"the episode ended with stop_reason {reason!r}",
                "end it by end(score, stop=StopReason.…)",
            )
