"""Check that malformed actions do not break the environment and every call is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator

from envgym.checker.malformed_actions import malformed_actions
from envgym.checker.report import Problem
from envgym.checker.target import Target
from envgym.checker.traces import begin
from envgym.messages import Action, Observation


async def malformed_actions_never_crash(target: Target) -> AsyncIterator[Problem]:
    """Check that no action raises, and each call gets one tool message with its id, in order."""
    async with target.env() as env:
        for what, action in malformed_actions(env.tools):
            await begin(env, seed=0)  # anew for each: an episode may end on a bad action
            try:
                step = await env.step(action)
            except Exception as error:
                yield Problem(
                    f"{what}: step raised {type(error).__name__}: {error}",
                    "answer what a model may write with an observation; raise Fault only when "
                    "the world itself is broken",
                )
                continue
            if env.tools and (problem := _unanswered(action, step.observation)):
                yield Problem(
                    f"{what}: {problem}",
                    "derive from ToolEnv, or answer by envgym.tools.run_calls, which sees to this",
                )


def _unanswered(action: Action, observation: Observation) -> str | None:
    wanted = [call.id for call in action.tool_calls]
    given = [m.tool_call_id for m in observation.messages if m.role == "tool"]
    if wanted == given:
        return None
    return (
        f"{len(wanted)} calls with ids {wanted[:3]}…, results with ids {given[:3]}… ({len(given)})"
    )
