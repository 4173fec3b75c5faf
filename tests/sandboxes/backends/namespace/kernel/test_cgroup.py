"""Where control groups are made: this machine's, and trees of both versions laid out as files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from envgym.sandboxes.backends.namespace.kernel.cgroup import NoCgroup, Parent, make_parent
from envgym.sandboxes.backends.namespace.kernel.fork_server_cgroup import (
    ForkServerCgroup,
    remove_group,
)
from tests.machine import need


def tables(folder: Path, mounts: str, own: str) -> tuple[str, str]:
    (folder / "mounts").write_text(mounts)
    (folder / "own").write_text(own)
    return str(folder / "mounts"), str(folder / "own")


def version_2(folder: Path, handed: dict[str, str]) -> tuple[str, str]:
    """A tree whose process is in /a/b/c; `handed`: what folders give to those below."""
    root = folder / "cgroup"
    (root / "a/b/c").mkdir(parents=True)
    for path, controllers in handed.items():
        (root / path / "cgroup.subtree_control").write_text(controllers)
    return tables(folder, f"30 20 0:27 / {root} rw - cgroup2 cgroup2 rw\n", "0::/a/b/c\n")


def test_version_2_takes_the_nearest_folder_that_hands_both_down(tmp_path: Path) -> None:
    both, one = "cpu memory pids\n", "memory\n"
    parent = make_parent(*version_2(tmp_path, {"": both, "a": both, "a/b": one}))
    assert parent.version == 2
    assert set(parent.folders) == {"memory", "pids"}
    made = Path(parent.folders["memory"])
    assert made.parent == tmp_path / "cgroup/a"
    assert (made / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_version_2_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NoCgroup, match=r"no folder above .*systemd-run"):
        make_parent(*version_2(tmp_path, {"": "cpu\n", "a": "cpu\n", "a/b": ""}))


def test_no_file_system_of_groups(tmp_path: Path) -> None:
    with pytest.raises(NoCgroup, match="mount cgroup2"):
        make_parent(*tables(tmp_path, "1 1 0:1 / / rw - ext4 /dev/x rw\n", "0::/\n"))


def version_1(folder: Path) -> tuple[str, str]:
    for controller in ("memory", "pids"):
        (folder / controller / "me").mkdir(parents=True)
    mounts = "".join(
        f"3{i} 20 0:2{i} / {folder}/{c} rw - cgroup cgroup rw,{c}\n"
        for i, c in enumerate(("memory", "pids"))
    )
    return tables(folder, mounts, "2:memory:/me\n1:pids:/\n")


def test_version_1_is_made_below_ones_own_groups(tmp_path: Path) -> None:
    parent = make_parent(*version_1(tmp_path))
    assert parent.version == 1
    assert Path(parent.folders["memory"]).parent == tmp_path / "memory/me"
    assert Path(parent.folders["pids"]).parent == tmp_path / "pids"
    parent.remove()
    assert not any((tmp_path / "pids").glob("envgym-*"))


def test_what_a_dead_backend_left_is_cleared(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = tmp_path / f"pids/envgym-{gone.pid}-0badcafe"
    ours = tmp_path / f"pids/envgym-{os.getpid()}-0badcafe"
    both = version_1(tmp_path)
    for folder in (left / "0", ours, tmp_path / "pids/other"):
        folder.mkdir(parents=True)
    make_parent(*both).remove()
    assert not left.exists()
    assert ours.exists()


def test_a_group_limits_and_counts() -> None:
    parent = _real()
    folders = parent.open()
    try:
        group = ForkServerCgroup("0", folders, parent.version)
        for memory in (64 << 20, 256 << 20, 32 << 20):  # up and down
            group.limit(memory, 10)
            name = {1: "memory.limit_in_bytes", 2: "memory.max"}[parent.version]
            assert int(Path(parent.folders["memory"], "0", name).read_text()) == memory
            assert Path(parent.folders["pids"], "0", "pids.max").read_text() == "12\n"
        assert (group.counters.ooms(), group.counters.refusals()) == (0, 0)
        remove_group("0", folders)
        assert not Path(parent.folders["memory"], "0").exists()
    finally:
        for file in folders.values():
            os.close(file)
        parent.remove()
    assert not Path(parent.folders["memory"]).exists()


def _real() -> Parent:
    try:
        return make_parent()
    except NoCgroup as error:
        need(False, str(error))
        raise
