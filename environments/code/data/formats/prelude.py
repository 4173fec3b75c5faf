"""Import preamble for programs of competition and LeetCode rows.

The data sets' own judges import these names first, so most solutions import nothing. The list is
the one of APPS' and LiveCodeBench's judges. It is part of a problem's preamble: the agent sees it,
and both its runs and the judge use it.
"""

from __future__ import annotations

_NAMES = """
    string re datetime collections heapq bisect copy math random statistics itertools functools
    operator typing
"""
STARRED = tuple(_NAMES.split())
"""Modules imported with ``*``."""
_PLAIN = (*STARRED, "io", "sys", "json")

IMPORTS = "\n".join(
    [
        *(f"from {name} import *" for name in STARRED),
        "from builtins import *  # math, operator and re shadow some",
        *(f"import {name}" for name in _PLAIN),
        "sys.setrecursionlimit(50_000)",
    ]
)
