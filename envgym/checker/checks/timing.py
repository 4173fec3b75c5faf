"""Check that slow hooks are cut at their deadlines and that the event loop stays free.

No check waits for a real deadline: it puts a short one in its place, and has a hook hang.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from envgym.checker.coroutine_probe import PATIENCE_S, Outcome, outcome, watched
from envgym.checker.malformed_actions import NOTHING
from envgym.checker.report import Problem
from envgym.checker.target import Target
from envgym.checker.traces import begin, play_oracle_or_stop, script
from envgym.deadlines import Deadlines
from envgym.env import Env
from envgym.errors import Fault
from envgym.messages import Action

_SHORT_S = 0.02
_HELD_S = 0.1
_TRIES = 3
"""The machine may be busy with other things: the loop counts as held when it is every time."""


async def deadlines_are_set(target: Target) -> AsyncIterator[Problem]:
    """Check that reset, step, tool and close have deadlines, the tool's shorter than the step's."""
    async with target.env() as env:
        deadlines = env.deadlines
        for name in ("reset", "step", "tool", "close"):
            if getattr(deadlines, name) is None:
                yield Problem(
                    f"deadlines.{name} is None: where that hangs, it hangs for ever",
                    f"give it the seconds it may take: deadlines = Deadlines({name}=60)",
                )
        step = deadlines.step
        for tool in env.tools:
            seconds = deadlines.tool if tool.timeout is None else tool.timeout
            if seconds is not None and step is not None and seconds >= step:
                yield Problem(
                    f"the tool {tool.name} may take {seconds:g} s and the whole step {step:g} s: "
                    "where it hangs, the episode breaks instead of telling the model",
                    "give the tool less time than the step: @tool(timeout=…), or Deadlines(step=…)",
                )


async def deadlines_are_kept(target: Target) -> AsyncIterator[Problem]:
    """Check that a start, act, tool or stop that hangs is cut at its deadline with a Fault."""
    for hook, method in (("start", "reset"), ("act", "step"), ("stop", "close")):
        ended = await _with_hanging_hook(target, hook)
        if said := _not_cut(ended):
            yield Problem(
                f"where {hook}() hangs, {method}() {said} at its deadline",
                f"do not override {method}(): it puts {hook}() under its deadline",
            )
    async with target.env() as env:
        actions = (await play_oracle_or_stop(env, await begin(env, seed=0))).actions
    first: dict[str, int] = {}
    for number, action in enumerate(actions):
        for call in action.tool_calls:
            first.setdefault(call.name, number)
    for name, number in first.items():
        hung = await _with_hanging_tool(target, name, actions[: number + 1])
        if hung is not None and (said := _not_cut(hung)):
            yield Problem(
                f"where the tool {name} hangs, step() {said} at its deadline",
                "do not swallow asyncio.CancelledError in act(): catch Exception, never "
                "BaseException or everything",
            )


async def loop_is_never_blocked(target: Target) -> AsyncIterator[Problem]:
    """Check that no part of an episode blocks the event loop for long."""
    actions = await script(target, 0)
    tries = [await _held(target, actions)]
    while max(tries[-1].values()) > _HELD_S and len(tries) < _TRIES:
        tries.append(await _held(target, actions))
    for what in tries[0]:
        seconds = min(held[what] for held in tries)
        if seconds > _HELD_S:
            yield Problem(
                f"{what} holds the event loop for {seconds:.2f} s, and with it every other episode",
                "await what waits (asyncio.sleep, an async client); make a tool that computes a "
                "plain def, which runs in a thread, or use asyncio.to_thread",
            )


async def _held(target: Target, actions: list[Action]) -> dict[str, float]:
    """The longest time for which each part of the episode held the loop, in seconds."""
    held: dict[str, float] = {}

    async def part(name: str, work: Coroutine[Any, Any, Any]) -> Any:
        times: list[float] = []
        result = await watched(work, held=times.append)
        held[name] = max(times)
        return result

    env = target.make()
    try:
        await part("the reset", env.reset(seed=0))
        for number, action in enumerate(actions):
            tools = " and ".join(sorted({call.name for call in action.tool_calls}))
            name = f"step {number}" + (f" (a call of {tools})" if tools else "")
            if (await part(name, env.step(action))).done:
                break
    finally:
        await part("close", env.close())
    return held


async def _with_hanging_hook(target: Target, hook: str) -> Outcome:
    """Outcome of the method that runs the hook, where the hook hangs."""
    env: Env[Any] = target.make()
    stop, deadlines = env.stop, env.deadlines
    try:
        if hook != "start":
            await begin(env, seed=0)
        setattr(env, hook, _hang)
        env.deadlines = Deadlines(_SHORT_S, _SHORT_S, _SHORT_S, _SHORT_S)
        if hook == "start":
            return await outcome(env.reset(seed=0))
        if hook == "act":
            return await outcome(env.step(NOTHING))
        return await outcome(env.close())
    finally:
        env.deadlines = deadlines
        await (stop() if hook == "stop" else env.close())


async def _with_hanging_tool(
    target: Target, name: str, actions: Sequence[Action]
) -> Outcome | None:
    """Outcome of the last action, which calls the tool, where the tool hangs.

    None for a plain tool: what hangs there is a thread, and its call is cut all the same.
    """
    async with target.env() as env:
        if not inspect.iscoroutinefunction(getattr(env, name, None)):
            return None
        await begin(env, seed=0)
        for action in actions[:-1]:
            await env.step(action)
        setattr(env, name, _hang)
        env.deadlines = replace(env.deadlines, step=_SHORT_S)
        return await outcome(env.step(actions[-1]))


async def _hang(*arguments: Any, **named: Any) -> None:
    await asyncio.Event().wait()


def _not_cut(ended: Outcome) -> str | None:
    """Describe the behaviour in place of a Fault; None if it was raised."""
    if ended.how == "raised" and isinstance(ended.error, Fault):
        return None
    if ended.how == "raised":
        return f"raises {type(ended.error).__name__} instead of Fault"
    if ended.how == "hung":
        return f"is not cut (nor back after {PATIENCE_S:g} s)"
    return "goes on and returns a result instead of raising Fault"
