"""Exceptions of envgym, by whose fault an error is.

Three kinds of trouble are kept apart everywhere: a *usage error* is the caller's, and its message
names the fix; a *fault* is the infrastructure's (a dead sandbox or simulator) and never becomes a
reward of 0; a mistake of the *model* is neither, it is an observation.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Literal

FaultKind = Literal["infra", "env", "model", "budget"]


class EnvgymError(Exception):
    """Base of every exception that envgym raises on purpose: one line that names the fix."""


class UsageError(EnvgymError, ValueError):
    """Error of the caller: a bad argument, a bad file or calls in the wrong order."""


class ToolError(EnvgymError):
    """Error raised by a tool: its message becomes the result of the call, for the model to read."""


class Fault(EnvgymError):
    """Failure outside the policy; the episode has no reward and enters no batch.

    Args:
        message: Description of the failure.
        kind: ``infra`` (sandbox, browser, server gone: retried), ``env`` (a bug in the
            environment, or its deadline passed), ``model`` (the agent itself failed to answer),
            ``budget`` (no money is left: not retried, and the rollout stops).
    """

    def __init__(self, message: str, kind: FaultKind = "infra") -> None:
        super().__init__(message)
        self.kind: FaultKind = kind


def suggest(name: str, known: Iterable[str]) -> str:
    """Suggestion for a mistyped name: ``" Did you mean 'x'?"``, or all known names when few."""
    known = sorted(known)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f" Did you mean {' or '.join(repr(n) for n in near)}?"
    return f" Known: {', '.join(known)}." if 0 < len(known) <= 12 else ""
