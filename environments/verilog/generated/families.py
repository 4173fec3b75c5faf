"""Families of generated designs by name, and random designs from them.

The hash of its circuit decides the split of a design, so that no training design is ever a test
design.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Sequence
from types import ModuleType

from envgym.environments.verilog.generated import (
    arithmetic,
    counters,
    encoders,
    queues,
    registers,
    serial,
    state_machines,
)
from envgym.environments.verilog.generated.builder import Design, Draft, finish
from envgym.errors import UsageError, suggest
from envgym.utils.splits import Split, hash_split

Family = Callable[[random.Random], Draft]

_MODULES: tuple[tuple[ModuleType, int], ...] = (
    (arithmetic, 1),
    (encoders, 1),
    (counters, 2),
    (registers, 2),
    (state_machines, 3),
    (queues, 3),
    (serial, 4),
)
_TRIES = 1000  # draws before a split counts as empty


def _families() -> dict[str, tuple[Family, int]]:
    found = {}
    for module, level in _MODULES:
        for name, member in vars(module).items():
            is_family = inspect.isfunction(member) and member.__module__ == module.__name__
            if is_family and not name.startswith("_"):
                found[name] = (member, level)
    return found


FAMILIES: dict[str, tuple[Family, int]] = _families()
"""Function that draws a draft, and difficulty level 1 to 4, by name of the family."""


def choose(families: Sequence[str], levels: Sequence[int]) -> list[str]:
    """Names of the requested families.

    Args:
        families: Names of families; all when empty.
        levels: Difficulty levels; all when empty.

    Raises:
        UsageError: Unknown family, or no family has these levels.
    """
    for name in families:
        if name not in FAMILIES:
            raise UsageError(f"no family of designs {name!r}.{suggest(name, FAMILIES)}")
    found = [
        name
        for name, (_, level) in FAMILIES.items()
        if (not families or name in families) and (not levels or level in levels)
    ]
    if not found:
        raise UsageError(f"no family of designs has a level in {list(levels)}: there are 1 to 4")
    return found


def draw(rng: random.Random, names: Sequence[str], split: str) -> Design:
    """Draw a design of one of these families that belongs to the split.

    A family of few designs may have none in a split; then another family is drawn.
    """
    for _ in range(_TRIES):
        name = rng.choice(list(names))
        family, level = FAMILIES[name]
        design = finish(family(rng), name, level, "top_module")
        if split_of(design) == split:
            return design
    raise UsageError(
        f"no design of {', '.join(names)} is in the split {split!r}: ask for more families"
    )


def split_of(design: Design) -> Split:
    """Split of a design, ``train`` or ``test``, by the hash of its circuit."""
    return hash_split(design.golden, hash_name="sha256-byte")
