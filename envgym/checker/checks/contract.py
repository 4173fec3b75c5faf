"""Check that observations and actions match the environment's declared spaces.

The action space of a language agent is its list of tools and the number of its turns; the
observation space is messages. Both are also Gymnasium's, through the bridge, where the same episode
has to come out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, get_args

from envgym.chat.dialects import dialect
from envgym.checker.malformed_actions import malformed_actions
from envgym.checker.report import Problem
from envgym.checker.target import Target
from envgym.checker.traces import (
    Trace,
    apart,
    begin,
    play_nothing,
    play_oracle_or_stop,
    step,
)
from envgym.env import Env
from envgym.gymnasium_compat import SyncEnv
from envgym.messages import Action, Message, Observation, Role
from envgym.tools import ToolSpec
from envgym.trajectory import KINDS

_DIALECT = "hermes"


async def observations_are_messages(target: Target) -> AsyncIterator[Problem]:
    """Check that roles and kinds are known, contents tokenizable, history cuts in range."""
    async with target.env() as env:
        for seed in range(target.episodes):
            traces = [await play_oracle_or_stop(env, await begin(env, seed=seed))]
            for _, action in list(malformed_actions(env.tools))[: 8 if seed else None]:
                traces.append(await begin(env, seed=seed))
                await step(env, traces[-1], action)
            problems = [problem for trace in traces for problem in _odd(trace)]
            for problem in dict.fromkeys(problems):
                yield Problem(f"seed {seed}: {problem.message}", problem.fix)


async def actions_are_in_the_space(target: Target) -> AsyncIterator[Problem]:
    """Check that a model could write the oracle's actions: declared tools, valid JSON arguments."""
    async with target.env() as env:
        for tool in env.tools:
            if not tool.description:
                yield Problem(
                    f"the tool {tool.name} has no description",
                    "begin its docstring with what it does: the model reads it",
                )
        for seed in range(target.episodes):
            trace = await play_oracle_or_stop(env, await begin(env, seed=seed))
            for number, action in enumerate(trace.actions):
                if said := unwritable(action, env.tools):
                    yield Problem(
                        f"seed {seed}: oracle action {number} {said}",
                        "let oracle() do only what a model can write: calls of env.tools with "
                        "plain JSON values (int(x) of a numpy number, list(x) of a set)",
                    )


async def tools_and_turns_are_kept(target: Target) -> AsyncIterator[Problem]:
    """Check that `tools` and `max_turns` never change and that turns are counted right."""
    async with target.env() as env, target.env() as other:
        said = _promised(env)
        for seed in range(target.episodes):
            for play in (play_oracle_or_stop, play_nothing):
                trace = await play(env, await begin(env, seed=seed))
                for when, now in (
                    (f"after an episode of seed {seed}", _promised(env)),
                    ("in another instance", _promised(other)),
                ):
                    for what, value in now.items():
                        if value != said[what]:
                            yield Problem(
                                f"{what} was {said[what]}, and {when} it is {value}",
                                "set tools and max_turns in the class or in __init__, never in an "
                                "episode: agents, rollouts and servers read them once",
                            )
                            return
                if problem := _miscounted(trace, env.max_turns):
                    yield Problem(f"seed {seed}: {problem.message}", problem.fix)


async def gymnasium_plays_the_same(target: Target) -> AsyncIterator[Problem]:
    """Check that the oracle's actions, as text through the Gymnasium bridge, repeat its episode."""
    async with target.env() as env:
        trace = await play_oracle_or_stop(env, await begin(env, seed=0))
        texts = [dialect(_DIALECT).write(action, env.tools) for action in trace.actions]
    if said := await asyncio.to_thread(_through_gymnasium, target, trace, texts):
        yield Problem(
            said,
            "let the episode depend on the calls alone (not on their ids, nor on a text beside "
            "them that oracle() leaves empty), and hold no event loop from __init__ on",
        )


def _odd(trace: Trace) -> Iterator[Problem]:
    length = 0
    for number, observation in enumerate(trace.observations):
        where = f"observation {number}"
        if not isinstance(observation, Observation):
            continue  # results_are_well_formed says so
        cut = observation.replace_from
        if cut is not None and not 0 <= cut <= length:
            yield Problem(
                f"{where} replaces the history from message {cut} on, of {length}",
                "count the messages so far, the agent's own included: 0 <= replace_from <= their "
                "number",
            )
        length = (length if cut is None else cut) + len(observation.messages) + 1
        for message in observation.messages:
            if said := _no_message(message):
                yield Problem(
                    f"{where} holds {said}",
                    'return a str, or Message("user", text) and its like with a str that is '
                    'UTF-8: text.encode(errors="replace").decode()',
                )


def _no_message(message: Any) -> str | None:
    if not isinstance(message, Message):
        return f"a {type(message).__name__}, not a Message"
    if message.role not in get_args(Role) or message.kind not in KINDS:
        return f"a message of role {message.role!r} and kind {message.kind!r}"
    if not isinstance(message.content, str):
        return f"a message whose content is a {type(message.content).__name__}"
    try:
        message.content.encode()
    except UnicodeEncodeError:
        return f"half a character: {message.content[:40]!r}"
    return None


def unwritable(action: Action, tools: Any) -> str | None:
    """Reason why no model could write this action with these tools; None where one could."""
    known: dict[str, ToolSpec] = {tool.name: tool for tool in tools}
    for call in action.tool_calls:
        if call.name not in known:
            return f"calls {call.name!r}, which is not in env.tools ({', '.join(known) or 'empty'})"
        try:
            known[call.name].arguments.model_validate(dict(call.arguments or {}))
        except ValueError as error:
            return f"calls {call.name} with arguments that do not validate: {error}"
        try:
            json.dumps(dict(call.arguments or {}))
        except (TypeError, ValueError) as error:
            return f"calls {call.name} with arguments that are no JSON: {error}"
    written = dialect(_DIALECT).write(action, tools)
    read = dialect(_DIALECT).parse(written, tools)
    if [(c.name, c.arguments) for c in read.tool_calls] != [
        (c.name, json.loads(json.dumps(dict(c.arguments or {})))) for c in action.tool_calls
    ]:
        return f"is read back otherwise than it was written: {written[:80]!r}"
    return None


def _promised(env: Env[Any]) -> dict[str, Any]:
    return {
        "max_turns": env.max_turns,
        "tools": [json.dumps(tool.schema, sort_keys=True) for tool in env.tools],
    }


def _miscounted(trace: Trace, max_turns: int) -> Problem | None:
    fix = "do not override step(), nor set self.turn: it counts the turns"
    turns = [result.info.get("turn") for result in trace.steps]
    if turns != list(range(1, len(turns) + 1)):
        return Problem(f"info['turn'] runs {turns[:8]}, not 1, 2, 3, …", fix)
    if len(turns) > max_turns:
        return Problem(f"the episode took {len(turns)} turns of max_turns = {max_turns}", fix)
    return None


def _through_gymnasium(target: Target, trace: Trace, texts: list[str]) -> str | None:
    """Describe the difference between the bridge's episode and the played one; None if equal."""
    bridge = SyncEnv(target.make, dialect=_DIALECT)
    try:
        text, _ = bridge.reset(seed=0)
        if text != trace.first.text:
            return f"the bridge's reset gives {apart(text, trace.first.text)}"
        for number, (action, wanted) in enumerate(zip(texts, trace.steps, strict=True)):
            if not bridge.action_space.contains(action):
                return f"the action space has no place for {action[:80]!r}"
            text, reward, terminated, truncated, _ = bridge.step(action)
            if not bridge.observation_space.contains(text):
                return f"the observation space has no place for {text!r:.80}"
            same = (wanted.observation.text, wanted.reward, wanted.terminated, wanted.truncated)
            if repr((text, reward, terminated, truncated)) != repr(same):
                here = repr((text, reward, terminated, truncated))
                return f"the bridge's step {number} gives {apart(here, repr(same))}"
    finally:
        bridge.close()
    return None
