"""Texts for the agent: the statement with examples, and the outcome of a run."""

from __future__ import annotations

from envgym.environments.code.problem import Problem
from envgym.sandboxes import Outcome, Result
from envgym.sandboxes.graders import Status
from envgym.sandboxes.graders.verdict import WORDS
from envgym.utils.bounded_text import bounded_end, bounded_start

_SHOWN = 4000


def stated(problem: Problem) -> str:
    """Statement of a problem with its given code and public tests."""
    parts = [problem.statement]
    if problem.preamble and problem.preamble not in problem.statement:
        parts.append(f"This stands before your program:\n{problem.preamble}")
    if examples := problem.suite.examples():
        parts.append("Public tests:\n" + "\n".join(examples))
    return "\n\n".join(parts)


def outcome_in_words(result: Result) -> str:
    """Output, error output and end of a run, without anything that differs between runs."""
    ended = "It ended well."
    if result.outcome is Outcome.RE:
        ended = result.detail or f"It ended with exit code {result.exit_code}."
    elif result.outcome is not Outcome.OK:
        ended = f"It was stopped: {WORDS[Status(result.outcome.value)]}."
    parts = [ended]
    if result.text:
        parts.append(f"Output:\n{bounded_start(result.text, _SHOWN)}")
    if result.error_text:
        parts.append(f"Errors:\n{bounded_end(result.error_text, _SHOWN)}")
    return "\n".join(parts)
