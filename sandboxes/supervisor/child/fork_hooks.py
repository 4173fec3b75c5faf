"""Fork hooks of `threading` and `random`, postponed until a program's process.

A process with one thread has none to forget, and one that draws no random number needs no seed.
Running the hooks copies about 150 pages for each fork between an interpreter and a program.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

_HELD: list[dict[str, Any]] = []
_SEED: list[Callable[[], None]] = []


def hold_hooks() -> None:
    """Import both modules without registering their hooks, before any other import of them."""
    register = os.register_at_fork
    os.register_at_fork = lambda **hooks: _HELD.append(hooks)
    try:
        import_module("threading")
        _SEED.append(import_module("random").seed)
    finally:
        os.register_at_fork = register


def give_hooks() -> None:
    """Register the hooks in a program's process, for its own forks, and seed its generator."""
    for hooks in _HELD:
        os.register_at_fork(**hooks)
    for seed in _SEED:
        seed()
