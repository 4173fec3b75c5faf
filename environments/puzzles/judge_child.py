"""The inside of a judge's process: one request a line, one reply a line, no request without bounds.

What bounds a request is the processor time it takes, not the clock: a busy machine changes no
verdict. Past it the kernel ends the process (SIGXCPU), whatever the library is doing.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

CPU_S = 3
"""Seconds of processor time that a request may take, at least; one more at most."""
MEMORY_BYTES = 3 << 30
READY = b"ready\n"
"""What it says before the first request."""


def serve(handle: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer requests by `handle` until standard input ends.

    What it raises is the reply ``{"failed": kind}``. Nothing else reaches standard output.
    """
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(READY.decode(), end="", file=replies, flush=True)
    for line in sys.stdin:
        _allow_cpu()
        try:
            reply = handle(json.loads(line))
        except Exception as error:
            reply = {"failed": type(error).__name__}
        print(json.dumps(reply), file=replies, flush=True)


def _allow_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime) + CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
