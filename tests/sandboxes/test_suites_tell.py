"""The attack suite can tell: where nothing is kept in, its attacks win.

Not on the list is what other users of a machine or its kernel decide, what would do harm there, and
what the supervisor alone withstands: it is the same one in every backend.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from envgym.sandboxes.suites.assertions import CaseFailed
from envgym.sandboxes.suites.attacks import ATTACKS, Attack
from envgym.sandboxes.suites.backend_under_test import BackendUnderTest

WIN = {
    *("spawn_hoard", "memory_temporary_files", "memory_memfd"),
    *("kill_host_process", "kill_every_number", "disk_bomb", "file_after_death"),
    *("canaries", "other_processes", "hard_links", "oversized_uploads", "who_it_is"),
    *("host_tcp", "host_udp", "sockets_of_daemons", "abstract_socket", "same_port"),
    *("from_box_to_box", "serves_to_the_host", "name_of_the_host", "files_across", "ipc_across"),
    *("processes_across", "locks_across", "watches_files", "load_of_the_machine"),
}
WIN_AS_ROOT = {
    *("memory_pipes", "sets_the_clock", "priority", "ptrace_parent", "read_only_root"),
    *("secrets_at_home", "devices", "hidden_files_of_proc", "becomes_root", "namespaces"),
    *("file_handles", "kernel_doors", "other_memory", "odd_families"),
}


@pytest.fixture(scope="module")
def nothing() -> Iterator[BackendUnderTest]:
    with BackendUnderTest("unsafe", crowd=2) as under_test:
        yield under_test


@pytest.mark.parametrize(
    "attack",
    [a for a in ATTACKS if a.id in WIN or (a.id in WIN_AS_ROOT and os.geteuid() == 0)],
    ids=lambda attack: attack.id,
)
def test_it_wins_where_nothing_is_kept_in(nothing: BackendUnderTest, attack: Attack) -> None:
    assert attack.harmless
    with pytest.raises(CaseFailed):
        nothing.withstands(attack)


def test_the_list_is_of_attacks() -> None:
    assert {attack.id for attack in ATTACKS} >= WIN | WIN_AS_ROOT
