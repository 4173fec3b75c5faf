"""Attack suite: exploits that broke other sandboxes, and attempts at this one.

Each case runs on every backend that the machine has; `suites.known_gaps` lists those that a
backend's design does not stop, and ``docs/sandbox_attacks.md`` shows them all.
"""

from __future__ import annotations

from envgym.sandboxes.suites.attacks import (
    descriptors,
    filesystem,
    host_side,
    leaks,
    network,
    output,
    privilege,
    processes,
    resources,
    uploads,
    watching,
)
from envgym.sandboxes.suites.attacks.attack import Attack

THEMES: dict[str, list[Attack]] = {
    "Resources": resources.ATTACKS,
    "Processes": processes.ATTACKS,
    "Output and input": output.ATTACKS,
    "Files": filesystem.ATTACKS,
    "Files that the host handles": uploads.ATTACKS,
    "Privilege": privilege.ATTACKS,
    "Network": network.ATTACKS,
    "Between boxes": leaks.ATTACKS,
    "Views of others": watching.ATTACKS,
    "Descriptors and sessions": descriptors.ATTACKS,
    "The host's side": host_side.ATTACKS,
}

ATTACKS: tuple[Attack, ...] = tuple(attack for theme in THEMES.values() for attack in theme)

__all__ = ["ATTACKS", "THEMES", "Attack"]
