"""Entry point of a supervisor: in a container, or as a plain child process.

``python3 -I box.zip JSON`` speaks over standard input and output; JSON is the sandbox's config.
"""

from __future__ import annotations

import json
import os
import sys

from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.streams.channel import Channel
from envgym.sandboxes.supervisor.supervisor import Supervisor


def main() -> None:
    """Serve standard input and output."""
    config = BoxConfig(**json.loads(sys.argv[1]))
    channel = Channel(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nothing, number)
    Supervisor(channel, config).serve()
