"""Main loop of a judge process: one JSON request per line, one reply per line, bounded time.

The limit per request is processor time, not wall-clock time: a busy machine changes no verdict. At
the limit the kernel ends the process (SIGXCPU), whatever the library is doing.
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
"""Processor seconds per request; rounding may add up to one more."""
MEMORY_BYTES = 3 << 30
READY = b"ready\n"
"""Line written when the process is ready for requests."""


def serve(
    judge: Callable[..., dict[str, Any]],
    prepare: Callable[[dict[str, Any]], tuple[Any, ...]] = lambda request: (request,),
) -> None:
    """Answer requests until standard input ends; only replies reach standard output.

    Args:
        judge: Gives the reply, within bounds. What it raises is ``{"failed": kind}``.
        prepare: Makes its arguments out of the request, without bounds: the part that no answer
            has a hand in. What it raises is ``{"broken": what}``.
    """
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(READY.decode(), end="", file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(_reply(line, judge, prepare)), file=replies, flush=True)


def _reply(
    line: str,
    judge: Callable[..., dict[str, Any]],
    prepare: Callable[[dict[str, Any]], tuple[Any, ...]],
) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        arguments = prepare(json.loads(line))
    except Exception as error:
        return {"broken": f"{type(error).__name__}: {error}"}
    _allow_cpu()
    try:
        return judge(*arguments)
    except Exception as error:
        return {"failed": type(error).__name__}


def _allow_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime) + CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
