"""Check that messages are parsed by structure: no action from reasoning, no argument dropped.

A reward for what a model only thought, or for a tool that ran without the arguments it was given,
teaches the wrong thing. Both are mistakes of the code that parses a message: a custom `act`,
or a dialect.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from envgym.chat.dialects import DIALECTS
from envgym.checker.malformed_actions import NOTHING
from envgym.checker.report import Problem
from envgym.checker.target import Target
from envgym.checker.traces import Trace, begin, play_oracle_or_stop, replay, step
from envgym.env import Env
from envgym.messages import Action, ToolCall
from envgym.rollout.hidden_text import leaves
from envgym.tools import ToolSpec

_OTHER_KEYS = ("parameters", "zz")
_GOLDS = 4


async def thoughts_are_not_acted_on(target: Target) -> AsyncIterator[Problem]:
    """Check that the oracle's last action inside a reasoning block scores as an empty message."""
    async with target.env() as env:
        for seed in range(target.episodes):
            trace = await play_oracle_or_stop(env, await begin(env, seed=seed))
            if not trace.actions:
                continue
            idle = await _after(env, trace, NOTHING, seed)
            for what, thought in _thoughts(trace, env):
                ended = await _after(env, trace, thought, seed)
                if ended.score > idle.score:
                    yield Problem(
                        f"seed {seed}: {what} in a reasoning block scores {ended.score}: "
                        f"{thought.text[:120]!r}",
                        "read action.content, which leaves reasoning blocks out, not action.text",
                    )


async def arguments_are_not_dropped(target: Target) -> AsyncIterator[Problem]:
    """Check that a tool that runs without arguments refuses, by name, those it does not know."""
    async with target.env() as env:
        for tool in (tool for tool in env.tools if _runs_bare(tool)):
            bare = await _answer(env, ToolCall(tool.name, {}))
            for key in _OTHER_KEYS:
                given = await _answer(env, ToolCall(tool.name, {key: {"text": "x"}}))
                if given == bare:
                    yield Problem(
                        f"{tool.name} with an argument {key!r} that it does not have does what it "
                        f"does without any: {given[:120]!r}",
                        "derive from ToolEnv, or answer by envgym.tools.run_calls, which names it",
                    )


def _thoughts(trace: Trace, env: Env[Any]) -> Iterator[tuple[str, Action]]:
    """The last action, and the answers that a task hides, as thoughts in each dialect."""
    for name, dialect in DIALECTS.items():
        written = dialect.write(trace.actions[-1], env.tools)
        text = f"<think>\nMaybe this:\n{written}\n</think>\n"
        yield f"a call ({name})", dialect.parse(text, env.tools)
    golds = [str(v) for _, v in leaves(trace.task.hidden) if isinstance(v, str | int | float)]
    for gold in golds[:_GOLDS]:
        yield "an answer", Action(f"<think>It is \\boxed{{{gold}}}.</think>")
        yield "an answer", Action(f"<think>Answer: {gold}</think>")


async def _after(env: Env[Any], trace: Trace, last: Action, seed: int) -> Trace:
    """The oracle's episode with another action in the place of its last one."""
    again = await replay(env, trace.actions[:-1], seed=seed)
    if not again.done:
        await step(env, again, last)
    return again


def _runs_bare(tool: ToolSpec) -> bool:
    return not any(field.is_required() for field in tool.arguments.model_fields.values())


async def _answer(env: Env[Any], call: ToolCall) -> str:
    await begin(env, seed=0)
    return (await env.step(Action("", (call,)))).observation.text
