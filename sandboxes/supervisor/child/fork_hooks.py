"""What `threading` and `random` do in the child of every fork, held back until a program's own.

A process with one thread has no other to forget, and who draws no random number needs no seed: yet
to do it copies some hundred and fifty pages, for each fork between an interpreter and a program.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

_HELD: list[dict[str, Any]] = []
_SEED: list[Callable[[], None]] = []


def hold_hooks() -> None:
    """Import both without their hooks, before anybody else imports them."""
    register = os.register_at_fork
    os.register_at_fork = lambda **hooks: _HELD.append(hooks)
    try:
        import_module("threading")
        _SEED.append(import_module("random").seed)
    finally:
        os.register_at_fork = register


def give_hooks() -> None:
    """In a program's process: they hold for its forks, and it draws as no other process does."""
    for hooks in _HELD:
        os.register_at_fork(**hooks)
    for seed in _SEED:
        seed()
