"""What can go wrong, by whose fault.

Three answers to trouble are kept apart everywhere: a *usage error* is the caller's and says how to
fix it; a *fault* is the world's (a sandbox gone, a simulator down) and never becomes a reward of
0; what the *model* did wrong is neither, it is an observation.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Literal

FaultKind = Literal["infra", "env", "model", "budget"]


class EnvgymError(Exception):
    """Base of every error envgym raises on purpose: one line that names the fix."""


class UsageError(EnvgymError, ValueError):
    """The caller asked for something that cannot be (bad argument, bad file, wrong order)."""


class ToolError(EnvgymError):
    """Raised inside a tool: the message becomes the call's result, for the model to read."""


class Fault(EnvgymError):
    """Something outside the policy broke; the episode has no reward and enters no batch.

    Args:
        message: What broke.
        kind: ``infra`` (sandbox, browser, server gone: retried), ``env`` (a bug in the
            environment, or its deadline passed), ``model`` (the agent itself failed to answer),
            ``budget`` (no money is left: not retried, and the rollout stops).
    """

    def __init__(self, message: str, kind: FaultKind = "infra") -> None:
        super().__init__(message)
        self.kind: FaultKind = kind


def suggest(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'x'?"`` for the nearest known names, or the list of them when few."""
    known = sorted(known)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f" Did you mean {' or '.join(repr(n) for n in near)}?"
    return f" Known: {', '.join(known)}." if 0 < len(known) <= 12 else ""
