"""Does the same seed with the same actions give the same episode, alone and in company."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

from envgym.checker.malformed import malformed_actions
from envgym.checker.report import Problem
from envgym.checker.subject import Subject, Trace, begin, play_oracle, replay
from envgym.env import Env
from envgym.errors import UsageError
from envgym.messages import Action

_COMPANY = 6
_MEND = (
    "draw from self.rng only (no global random, no set order, no clock in texts or metrics), and "
    "keep nothing of an episode in the class, the module or a shared resource"
)


async def same_seed_same_episode(subject: Subject) -> AsyncIterator[Problem]:
    """A second instance gives what the first one gave."""
    for seed in range(subject.episodes):
        actions = await _script(subject, seed)
        first = await _alone(subject, seed, actions)
        second = await _alone(subject, seed, actions)
        if difference := _difference(first, second):
            yield Problem(f"seed {seed} played twice: {difference}", _MEND)


async def same_seed_same_episode_in_company(subject: Subject) -> AsyncIterator[Problem]:
    """Other instances that play other seeds step by step in between change nothing."""
    scripts = [await _script(subject, seed) for seed in range(_COMPANY)]
    alone = [await _alone(subject, seed, script) for seed, script in enumerate(scripts)]
    envs: list[Env[Any]] = [subject.make() for _ in scripts]
    try:
        company = await asyncio.gather(
            *(
                replay(env, script, seed=seed, between=lambda: asyncio.sleep(0))
                for seed, (env, script) in enumerate(zip(envs, scripts, strict=True))
            )
        )
    finally:
        for env in envs:
            await env.close()
    for seed, (first, second) in enumerate(zip(alone, company, strict=True)):
        if difference := _difference(first, second):
            yield Problem(f"seed {seed} played alone and in company: {difference}", _MEND)


async def same_seed_same_episode_on_reuse(subject: Subject) -> AsyncIterator[Problem]:
    """An instance that has played another episode gives what a fresh one gives."""
    actions = await _script(subject, 0)
    fresh = await _alone(subject, 0, actions)
    async with subject.env() as env:
        await play_oracle_or_stop(env, await begin(env, seed=1))
        used = await replay(env, actions, seed=0, between=_at_once)
    if difference := _difference(fresh, used):
        yield Problem(
            f"seed 0 in a fresh instance and in a used one: {difference}",
            "set all state of an episode in start(); nothing may be left of the one before",
        )


async def play_oracle_or_stop(env: Env[Any], trace: Trace) -> Trace:
    """The oracle's episode; as far as it goes where there is no oracle."""
    try:
        return await play_oracle(env, trace)
    except UsageError:
        return trace


async def _script(subject: Subject, seed: int) -> list[Action]:
    """What to play: a few broken actions, to have their answers compared too, then the oracle's."""
    async with subject.env() as env:
        oracle = (await play_oracle_or_stop(env, await begin(env, seed=seed))).actions
        broken = [action for _, action in malformed_actions(env.tools)][3:6]
    return [*broken[: max(0, env.max_turns - len(oracle))], *oracle]


async def _alone(subject: Subject, seed: int, actions: list[Action]) -> Trace:
    async with subject.env() as env:
        return await replay(env, actions, seed=seed, between=_at_once)


async def _at_once() -> None:
    """Nothing in between."""


def _difference(a: Trace, b: Trace) -> str | None:
    """The first thing that differs, or None."""
    if a.task != b.task:
        return "another task was drawn"
    if a.first != b.first:
        return f"the first observations differ: {_apart(a.first.text, b.first.text)}"
    if repr(a.info) != repr(b.info):
        return f"the first infos differ: {_apart(repr(a.info), repr(b.info))}"
    for number, (one, other) in enumerate(zip(a.steps, b.steps, strict=False)):
        for name, left, right in zip(one._fields, one, other, strict=True):
            if repr(left) != repr(right):
                return f"step {number}: {name} differs: {_apart(repr(left), repr(right))}"
    return None if len(a.steps) == len(b.steps) else "one episode is longer"


def _apart(a: str, b: str) -> str:
    """Where two texts part, with a little around it."""
    at = len(os.path.commonprefix([a, b]))  # noqa: RUF071  (by character is what is meant)
    return f"{a[max(0, at - 20) : at + 40]!r} and {b[max(0, at - 20) : at + 40]!r}"
