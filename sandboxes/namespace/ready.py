"""What a REPL that is its own box begins with, made before the box is: the graders' harnesses.

To send and load one takes as long as to make the box. That each box has all is no harm: they are
code that anybody may read, and hold nothing yet.
"""

from __future__ import annotations

from typing import Any

from envgym.sandboxes.graders.inbox.candidate import Candidate
from envgym.sandboxes.graders.inbox.referee import Referee
from envgym.sandboxes.graders.inbox.tools import Tools

READY: dict[str, Any] = {
    "_envgym_candidate": Candidate(),
    "_envgym_referee": Referee(),
    "_envgym_tools": Tools(),
}
"""By the names that `graders.frames.start_harness` gives them."""
