"""What a REPL that is its own box begins with, made before the box is: the graders' harnesses.

To send and load one takes as long as to make the box. That each box has all is no harm: they are
code that anybody may read, and hold nothing yet.
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
"""By the names that `graders.nonce_protocol.start_harness` gives them."""
