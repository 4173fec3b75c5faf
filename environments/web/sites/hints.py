"""Hints of site tasks: the next step of an expert that an attempt lacks, and parts of its way."""

from __future__ import annotations

from collections.abc import Sequence

from envgym.environments.attempts import calls
from envgym.environments.graded_hints import OPEN, call_text, graded, shares
from envgym.environments.web.sites.goals import Goal, Step
from envgym.task import Task
from envgym.trajectory import Episode


def hints_for(task: Task, goal: Goal, attempt: Episode | None) -> Sequence[str]:
    """Hints for a task, or for a failed attempt at it, weakest first; see `Env.hints`."""
    told = [text for step in goal.steps if (text := _told(step))]
    plan = f"an expert takes {len(goal.steps)} steps here, then calls send_message."
    done = " ".join(f"{call.name} {call.arguments} {call.reply}" for call in calls(attempt))
    missed = next((s for s in goal.steps if s[-1] not in done and s[0] != "say"), None)
    feedback = f"the attempt never did this: {_told(missed)}." if missed else ""
    halves = [*shares(len(told), 0.5), max(len(told) - 2, 1)]
    cues = (f"begin with {', then '.join(told[:n])}." for n in dict.fromkeys(halves))
    return graded(task, attempt, plan, feedback, cues)


def _told(step: Step) -> str:
    """Step as a hint names it; its element is the agent's to find."""
    match step:
        case ("cart",):
            return f"click({OPEN}) on the link Cart"
        case ("click", role, name):
            return f"click({OPEN}) on the {role} {name}"
        case ("fill", name, text):
            return f"{call_text('fill', text=text)} in {name}"
        case ("select", name, option):
            return f"{call_text('select_option', options=option)} in {name}"
    return ""
