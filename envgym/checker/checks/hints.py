"""Check that hints are graded, hang on task and attempt alone, and survive any attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from envgym.checker.recorded_attempts import odd_attempts, played_attempts
from envgym.checker.report import Problem
from envgym.checker.target import Target
from envgym.env import Env
from envgym.trajectory import Episode

_SEEDS = 2
"""Maximum number of tasks whose attempts are played."""
_READ = "read all from self.task and the attempt: another instance is asked, after a reset"
_SURVIVE = "take nothing of an attempt for granted: turns, actions, arguments, replies"


async def hints_are_graded(target: Target) -> AsyncIterator[Problem]:
    """Check that hints are texts that all differ, without an attempt and after a failed one."""
    for seed in range(min(target.episodes, _SEEDS)):
        async for env, attempt in played_attempts(target, seed):
            for what, asked in (("", None), (" on an attempt", attempt)):
                hints = list(env.hints(asked))
                if not all(isinstance(hint, str) and hint.strip() for hint in hints):
                    yield Problem(
                        f"seed {seed}: the hints{what} hold one that is empty or no str: "
                        f"{hints!r:.200}",
                        "give strings, and none where there is nothing to say",
                    )
                elif len(set(hints)) < len(hints):
                    yield Problem(
                        f"seed {seed}: the hints{what} hold one twice: {hints!r:.200}",
                        "each level tells more than the one before: leave the repeated one out",
                    )


async def hints_are_repeatable(target: Target) -> AsyncIterator[Problem]:
    """Check that other instances give the same hints on an attempt, whatever they played before."""
    for seed in range(min(target.episodes, _SEEDS)):
        async for env, attempt in played_attempts(target, seed):
            first = list(env.hints(attempt))
            if first != list(env.hints(attempt)):
                yield Problem(f"seed {seed}: the hints differ when asked for again", _READ)
            async with target.env() as other:
                if first != await _hints(other, attempt):
                    yield Problem(f"seed {seed}: the hints differ in another instance", _READ)
                await other.reset(seed=seed + 1)
                if first != await _hints(other, attempt):
                    yield Problem(f"seed {seed}: the hints differ after another task", _READ)


async def hints_survive_any_attempt(target: Target) -> AsyncIterator[Problem]:
    """Check that no attempt makes `hints` raise: an empty one, a cut one, one of odd calls."""
    async with target.env() as env:
        await env.reset(seed=0)
        for what, attempt in odd_attempts(env.tools, env.task):
            try:
                hints: Sequence[Any] = list(env.hints(attempt))
            except Exception as error:
                name = type(error).__name__
                yield Problem(f"the attempt {what!r}: hints raised {name}: {error}", _SURVIVE)
                continue
            if not all(isinstance(hint, str) for hint in hints):
                yield Problem(f"the attempt {what!r}: hints gives what is no str", _SURVIVE)


async def _hints(env: Env[Any], attempt: Episode) -> list[str]:
    """Hints of an instance that begins the attempt's task anew, as a rollout asks for them."""
    await env.reset(seed=attempt.seed, options={"task": attempt.task})
    return list(env.hints(attempt))
