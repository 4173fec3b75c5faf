"""Check that the hidden part of a task stays hidden, and that hints do not hold the answer."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from envgym.checker.idle_agent import Idle
from envgym.checker.leak_statistics import contrasted
from envgym.checker.malformed_actions import refused_actions
from envgym.checker.report import Problem
from envgym.checker.target import Target, spread
from envgym.checker.traces import begin, play_nothing
from envgym.env import Env
from envgym.rollout.runner import Start, run_episode
from envgym.task import Task

GOLD_KEYS = {"gold", "golds", "answer", "answers", "solution"}
MIN_CHARS = 4
"""Shorter strings turn up by chance."""
_CONTRASTED = 6
"""Tasks for each episode looked at, among which a number is looked for by contrast."""
_SHOWN = "leave it out of the message; what the agent may see belongs in task.data"
_TOLD = "say how to find it, or blank it out of what the hint quotes"


async def hidden_stays_hidden(target: Target) -> AsyncIterator[Problem]:
    """Check that no observation before the first tool call holds a part of the hidden data."""
    async with target.env() as env:
        for seed in range(target.episodes):
            trace = await play_nothing(env, await begin(env, seed=seed))
            secrets = _secrets(trace.task)
            seen = {"the first observation": [m.content for m in trace.first.messages]}
            for turn, step in enumerate(trace.steps, 1):
                seen[f"observation {turn}"] = [m.content for m in step.observation.messages]
            for what, action in refused_actions():
                await begin(env, seed=seed)
                answer = (await env.step(action)).observation
                seen[f"the answer to {what}"] = [m.content for m in answer.messages]
            seen["the schema of a tool"] = [json.dumps(tool.schema) for tool in env.tools]
            for where, texts in seen.items():
                for secret in _found(secrets, texts):
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
                for gold in _found(_golds(env.task), hints):
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


def leaves(value: Any, keys: frozenset[str] = frozenset()) -> Iterator[tuple[frozenset[str], Any]]:
    """Iterate over the leaves of a JSON value, each with the keys on the path to it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, keys | {str(key).lower()})
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from leaves(inner, keys)
    else:
        yield keys, value


def _secrets(task: Task) -> set[str]:
    """Hidden strings that the visible part does not hold as well (the options of a choice).

    The whole hidden part as Python prints it is one of them: what a forgotten debugging aid shows.
    """
    hidden = {v for _, v in leaves(task.hidden) if isinstance(v, str) and len(v) >= MIN_CHARS}
    hidden |= {str(dict(task.hidden))} if task.hidden else set()
    shown = [v for _, v in leaves(task.data) if isinstance(v, str)]
    return hidden - set(_found(hidden, shown))


def _golds(task: Task) -> set[str]:
    """The leaves under the keys that usually hold the answer, or else every secret."""
    under = [v for keys, v in leaves(task.hidden) if keys & GOLD_KEYS]
    golds = {str(v) for v in under if isinstance(v, str | int | float) and len(str(v)) >= MIN_CHARS}
    return golds if under else _secrets(task)


def _found(needles: Iterable[str], texts: Iterable[str]) -> Iterator[str]:
    """The needles that stand in a text as whole words, whatever the case and spacing."""
    haystack = "\n".join(" ".join(text.casefold().split()) for text in texts)
    for needle in sorted(needles):
        words = re.escape(" ".join(needle.casefold().split()))
        if words and re.search(rf"(?<!\w){words}(?!\w)", haystack):
            yield needle
