"""Sandboxes for untrusted code: one interface, several backends, and the suites that test them.

Environments and graders run a model's code through this interface:

    async with open_backend("namespace") as backend, await backend.open() as sandbox:
        result = await sandbox.python("print(6 * 7)")
        assert result.outcome is Outcome.OK and result.text == "42\\n"
"""

from __future__ import annotations

from envgym.sandboxes.backends.registry import open_backend
from envgym.sandboxes.base import Backend, BoxLost, Denied, Sandbox, Session, SessionLost
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result

__all__ = [
    "Backend",
    "BoxLost",
    "Denied",
    "Limits",
    "Outcome",
    "Result",
    "Sandbox",
    "Session",
    "SessionLost",
    "open_backend",
]
