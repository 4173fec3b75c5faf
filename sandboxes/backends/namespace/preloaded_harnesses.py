"""Grader harnesses preloaded into REPL sandboxes before they are forked.

Sending and loading one takes as long as making the sandbox. Preloading them is harmless: they are
public code and hold no data yet.
"""

from __future__ import annotations

from typing import Any

from envgym.sandboxes.graders.harness.assert_runner import AssertRunner
from envgym.sandboxes.graders.harness.candidate import Candidate
from envgym.sandboxes.graders.harness.tool_runner import ToolRunner

READY: dict[str, Any] = {
    "_envgym_candidate": Candidate(),
    "_envgym_assert_runner": AssertRunner(),
    "_envgym_tool_runner": ToolRunner(),
}
"""Harnesses by the names that `graders.nonce_protocol.start_harness` uses."""
