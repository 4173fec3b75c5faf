"""The families of designs by name, and drawing from them.

A design belongs to a split by what it is, not by when it was drawn: its circuit's hash decides, so
that nothing that was trained on is tested.
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
_TRIES = 1000


def _families() -> dict[str, tuple[Family, int]]:
    found = {}
    for module, level in _MODULES:
        for name, member in vars(module).items():
            is_family = inspect.isfunction(member) and member.__module__ == module.__name__
            if is_family and not name.startswith("_"):
                found[name] = (member, level)
    return found


FAMILIES: dict[str, tuple[Family, int]] = _families()
"""What writes a draft, and its level, 1 to 4, by the family's name."""


def choose(families: Sequence[str], levels: Sequence[int]) -> list[str]:
    """The names of the families asked for.

    Args:
        families: Names; all when empty.
        levels: Of difficulty; all when empty.

    Raises:
        UsageError: A family that there is not, or none that is left.
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
    """A design of one of these families that belongs to the split.

    Families of few members may have none in a split: then another family is drawn.
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
    """``train`` or ``test``."""
    return hash_split(design.golden, hash_name="sha256-byte")
