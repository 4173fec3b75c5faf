"""Imports that stand before the programs of competition and LeetCode rows.

Those data sets' solutions were judged with these names in reach, so most of them import nothing;
the list is the one that APPS' and LiveCodeBench's own judges put before a program. It is part of
a problem's preamble: the agent reads it and runs with it, as the judge does.
"""

from __future__ import annotations

_NAMES = """
    string re datetime collections heapq bisect copy math random statistics itertools functools
    operator typing
"""
STARRED = tuple(_NAMES.split())
"""Modules of which every name is there."""
_PLAIN = (*STARRED, "io", "sys", "json")

IMPORTS = "\n".join(
    [
        *(f"from {name} import *" for name in STARRED),
        "from builtins import *  # math, operator and re have names of theirs",
        *(f"import {name}" for name in _PLAIN),
        "sys.setrecursionlimit(50_000)",
    ]
)
