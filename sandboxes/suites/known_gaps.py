"""Known gaps of the backends' designs, each with its reason.

Such a case still runs, and must fail: one that passes is taken off the list. Backends are named as
in `BackendUnderTest.variant`; ``docs/sandbox_attacks.md`` shows the list.
"""

from __future__ import annotations

from collections.abc import Mapping

_LOCKS = (
    "boxes read the same system files, and a lock is on the file: two boxes that cooperate can "
    "signal each other; locks are not forbidden, since git and SQLite need them"
)
_NO_QUOTA = "a plain folder has no quota: the size of one file is all that is limited"
_LOAD = (
    "the kernel tells everybody; these are sums over the machine that name no program, and honest "
    "runtimes size themselves by them (to mask each is a mount more for every box)"
)
_TRUSTED = "programs are trusted: nothing counts their processes"

KNOWN_GAPS: Mapping[str, Mapping[str, str]] = {
    "unsafe": {
        "disk_fails_to_write": _NO_QUOTA,
        "processes_are_ple": _TRUSTED,
        "processes_that_failed_are_not_hidden": _TRUSTED,
        "no_call_raises_the_boxs_processes": _TRUSTED,
    },
    "namespace": {
        "load_of_the_machine": _LOAD,
        "locks_across": _LOCKS,
    },
    "namespace of a user": {
        "load_of_the_machine": _LOAD,
        "locks_across": _LOCKS,
    },
    "landlock": {
        "load_of_the_machine": _LOAD,
        "locks_across": _LOCKS,
        **dict.fromkeys(
            (
                "disk_fails_to_write",
                "memory_temporary_files",
                "disk_bomb",
                "file_after_death",
                "oversized_uploads",
            ),
            _NO_QUOTA,
        ),
        **dict.fromkeys(("own_loopback", "same_port"), "no sockets: loopback would be the host's"),
        "python_works_in_several_processes": "no /dev/shm, where semaphores are kept",
        "kill_every_number": "no namespace of processes: that a number is in use can be seen",
        "name_of_the_host": "no namespace of names",
        "host_killed": "the folder of a box stays in the temporary directory; its processes end",
    },
    "docker": {
        "load_of_the_machine": _LOAD,
    },
}


def known_gaps(variant: str) -> Mapping[str, str]:
    """Cases that a backend is known not to stop, with the reason, by name."""
    return KNOWN_GAPS.get(variant, {})
