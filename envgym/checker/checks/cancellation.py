"""Check that an episode can be cancelled at any moment, as a stopping rollout does to hundreds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, NamedTuple

from envgym.checker.checks.leaks import settled
from envgym.checker.coroutine_probe import PATIENCE_S, Outcome, cancelled_at
from envgym.checker.report import Problem
from envgym.checker.target import Target, spread
from envgym.checker.traces import begin, script
from envgym.env import Env
from envgym.messages import Action

_POINTS = 5
"""Await points of one reset or step at which it is cancelled, from the first one on."""
_STEPS = 3


class _Cut(NamedTuple):
    """Point of cancellation: in the reset (`before` is None), or in the step after `before`."""

    before: Sequence[Action] | None
    action: Action | None

    @property
    def name(self) -> str:
        return "the reset" if self.before is None else f"step {len(self.before)}"


async def cancellation_is_passed_on(target: Target) -> AsyncIterator[Problem]:
    """Check that a reset or step cancelled while it waits ends with CancelledError."""
    for cut in await _cuts(target):
        for point in range(_POINTS):
            async with target.env() as env:
                ended = await cancelled_at(point, await _to(cut, env))
            if not ended.cut:
                break
            if ended.how != "cancelled":
                yield Problem(
                    f"{cut.name}, cancelled at its await point {point}, {_said(ended)}",
                    "do not swallow asyncio.CancelledError: catch Exception (never BaseException "
                    "or everything), and let clean-up stand in finally",
                )
                break


async def cancelled_step_is_survived(target: Target) -> AsyncIterator[Problem]:
    """Check that an environment cancelled midway closes in time, leaks nothing, resets afresh."""
    async with target.env() as env:
        fresh = await begin(env, seed=1)
    cuts = await _cuts(target)
    before_all = await settled({})
    for cut in cuts:
        for point in range(_POINTS):
            for reset_first in (False, True):
                before = asyncio.all_tasks()
                env = target.make()
                ended = await cancelled_at(point, await _to(cut, env))
                where = f"after {cut.name} was cancelled at its await point {point}"
                if reset_first and (await begin(env, seed=1)).first != fresh.first:
                    yield Problem(
                        f"{where}, reset(seed=1) begins another episode than in a fresh instance",
                        "set all state of an episode in start(), and undo in finally what a tool "
                        "holds while it waits",
                    )
                if problem := await _close(env, where):
                    yield problem
                await asyncio.sleep(0)
                if left := asyncio.all_tasks() - before:
                    yield Problem(
                        f"{where} and the instance closed, {len(left)} of its tasks still run",
                        "cancel in finally, or in stop(), what a step has started; "
                        "asyncio.TaskGroup does it by itself",
                    )
                    for task in left:
                        task.cancel()
                    return
            if not ended.cut:
                break
    for what, count in (await settled(before_all)).items():
        if count > before_all[what]:
            yield Problem(
                f"resets and steps that were cancelled left {count - before_all[what]} {what}, "
                "though their instances were closed",
                "undo in finally what a tool has started: it is cancelled wherever it waits, at "
                "its deadline too; kill a process's whole group, and wait for it",
            )


async def _cuts(target: Target) -> list[_Cut]:
    """The reset and a few steps of a scripted episode."""
    actions = await script(target, 0)
    steps = [_Cut(actions[:n], actions[n]) for n in sorted(set(spread(len(actions), _STEPS)))]
    last = [_Cut(actions[:-1], actions[-1])] if actions else []
    return [_Cut(None, None), *steps, *last]


async def _to(cut: _Cut, env: Env[Any]) -> Coroutine[Any, Any, Any]:
    """The coroutine to cancel, after everything before it is done."""
    if cut.before is None or cut.action is None:
        return env.reset(seed=0)
    await begin(env, seed=0)
    for action in cut.before:
        await env.step(action)
    return env.step(cut.action)


async def _close(env: Env[Any], where: str) -> Problem | None:
    began = time.monotonic()
    fix = "let stop() wait for nothing that a cancelled step was to do"
    try:
        await env.close()
    except Exception as error:
        return Problem(f"{where}, close raises {type(error).__name__}: {error}", fix)
    took, allowed = time.monotonic() - began, env.deadlines.close
    if allowed is not None and took > allowed:
        return Problem(f"{where}, close took {took:.1f} s of the {allowed:g} s it has", fix)
    return None


def _said(ended: Outcome) -> str:
    if ended.how == "hung":
        return f"has not come back after {PATIENCE_S:g} s"
    if ended.how == "raised":
        return f"raises {type(ended.error).__name__}: {ended.error}"
    return "goes on and returns a result"
