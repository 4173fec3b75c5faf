"""Does the hidden part of a task stay hidden, and do hints guide without telling."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from envgym.checker.idle import Idle
from envgym.checker.report import Problem
from envgym.checker.subject import Subject, begin, play_nothing
from envgym.rollout import Start, run_episode
from envgym.task import Task

GOLD_KEYS = {"gold", "golds", "answer", "answers", "solution"}
MIN_CHARS = 4
"""Shorter strings turn up by chance."""


async def hidden_stays_hidden(subject: Subject) -> AsyncIterator[Problem]:
    """No string of the hidden part stands in what an idle agent gets to see."""
    async with subject.env() as env:
        for seed in range(subject.episodes):
            trace = await play_nothing(env, await begin(env, seed=seed))
            secrets = _secrets(trace.task)
            for turn, observation in enumerate(trace.observations):
                for secret in _found(secrets, [m.content for m in observation.messages]):
                    where = "the first observation" if turn == 0 else f"observation {turn}"
                    yield Problem(
                        f"seed {seed}: {where} shows {secret[:80]!r} of task.hidden",
                        "leave it out of the message; what the agent may see belongs in task.data",
                    )


async def hints_do_not_tell(subject: Subject) -> AsyncIterator[Problem]:
    """No hint, before or after a failed attempt, holds the gold answer."""
    async with subject.env() as env:
        for seed in range(subject.episodes):
            attempt = await run_episode(env, Idle(), Start(seed))
            for after in (None, attempt):
                hints = list(env.hints(after))
                if not all(isinstance(hint, str) for hint in hints):
                    yield Problem(
                        f"seed {seed}: hints() gives something that is no str", "give strings"
                    )
                    continue
                for gold in _found(_golds(env.task), hints):
                    yield Problem(
                        f"seed {seed}: a hint holds the gold {gold[:80]!r}",
                        "say how to find it, or blank it out of what the hint quotes",
                    )


def leaves(value: Any, keys: frozenset[str] = frozenset()) -> Iterator[tuple[frozenset[str], Any]]:
    """Every leaf of a JSON value, with the keys on the way to it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, keys | {str(key).lower()})
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from leaves(inner, keys)
    else:
        yield keys, value


def _secrets(task: Task) -> set[str]:
    """Hidden strings that the visible part does not hold as well (the options of a choice)."""
    hidden = {v for _, v in leaves(task.hidden) if isinstance(v, str) and len(v) >= MIN_CHARS}
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
