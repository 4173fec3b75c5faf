"""Check that the hidden part of a task stays hidden, and that hints do not hold the answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from envgym.checker.idle_agent import Idle
from envgym.checker.leak_statistics import contrasted
from envgym.checker.malformed_actions import refused_actions
from envgym.checker.report import Problem
from envgym.checker.target import Target, spread
from envgym.checker.traces import begin, play_nothing
from envgym.env import Env
from envgym.rollout.hidden_text import find_whole, golds, secrets
from envgym.rollout.runner import Start, run_episode
from envgym.task import Task

_CONTRASTED = 6
"""Tasks for each episode looked at, among which a number is looked for by contrast."""
_SHOWN = "leave it out of the message; what the agent may see belongs in task.data"
_TOLD = "say how to find it, or blank it out of what the hint quotes"


async def hidden_stays_hidden(target: Target) -> AsyncIterator[Problem]:
    """Check that no observation before the first tool call holds a part of the hidden data."""
    async with target.env() as env:
        for seed in range(target.episodes):
            trace = await play_nothing(env, await begin(env, seed=seed))
            hidden = secrets(trace.task)
            seen = {"the first observation": [m.content for m in trace.first.messages]}
            for turn, step in enumerate(trace.steps, 1):
                seen[f"observation {turn}"] = [m.content for m in step.observation.messages]
            for what, action in refused_actions():
                await begin(env, seed=seed)
                answer = (await env.step(action)).observation
                seen[f"the answer to {what}"] = [m.content for m in answer.messages]
            seen["the schema of a tool"] = [json.dumps(tool.schema) for tool in env.tools]
            for where, texts in seen.items():
                for secret in find_whole(hidden, texts):
                    yield Problem(
                        f"seed {seed}: {where} shows {secret[:80]!r} of task.hidden", _SHOWN
                    )
        tasks = _sample(target, env)
        sights = [(await begin(env, seed=0, task=task)).first.text for task in tasks]
        for key, value in contrasted(tasks, sights):
            yield Problem(
                f"the first observation of every task shows its own task.hidden[{key!r}], and no "
                f"other's: {value!r} in the first one",
                _SHOWN,
            )


async def hints_do_not_tell(target: Target) -> AsyncIterator[Problem]:
    """Check that no hint, before or after a failed attempt, holds the gold answer."""
    async with target.env() as env:
        for seed in range(target.episodes):
            attempt = await run_episode(env, Idle(), Start(seed))
            for after in (None, attempt):
                hints = list(env.hints(after))
                if not all(isinstance(hint, str) for hint in hints):
                    yield Problem(
                        f"seed {seed}: hints() gives something that is no str", "give strings"
                    )
                    return
                for gold in find_whole(golds(env.task), hints):
                    yield Problem(f"seed {seed}: a hint holds the gold {gold[:80]!r}", _TOLD)
        tasks, hinted = _sample(target, env), []
        for seed, task in enumerate(tasks):
            attempt = await run_episode(env, Idle(), Start(seed, task))
            hinted.append("\n".join([*env.hints(), *env.hints(attempt)]))
        for key, value in contrasted(tasks, hinted):
            yield Problem(
                f"the hints of every task tell its own task.hidden[{key!r}], and no other's: "
                f"{value!r} in the first one",
                _TOLD,
            )


def _sample(target: Target, env: Env[Any]) -> list[Task]:
    source = env.tasks(target.splits[0])
    return [source[index] for index in spread(len(source), _CONTRASTED * target.episodes)]
