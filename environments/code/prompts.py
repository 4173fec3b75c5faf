"""Texts for the agent: the statement with examples, and the outcome of a run."""

from __future__ import annotations

from envgym.environments.code.problem import Problem
from envgym.sandboxes import Outcome, Result
from envgym.sandboxes.graders import Status
from envgym.sandboxes.graders.verdict import WORDS

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
        parts.append(f"Output:\n{_cut(result.text)}")
    if result.error_text:
        parts.append(f"Errors:\n{_tail(result.error_text)}")
    return "\n".join(parts)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _tail(text: str) -> str:
    """End of an error output, where the exception stands."""
    return text if len(text) <= _SHOWN else f"({len(text)} characters) …{text[-_SHOWN:]}"
