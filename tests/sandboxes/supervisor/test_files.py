"""Files of a working directory whose owner plays tricks with links, folders and names."""

from __future__ import annotations

import ctypes
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from envgym.sandboxes.supervisor import files
from envgym.sandboxes.supervisor.files import (
    RequestRefused,
    make_folder,
    make_link,
    read_file,
    write_file,
)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside").mkdir()
    return work


def refused(kind: str, path: str, work: Path, data: bytes | None = None) -> str:
    def ask() -> None:
        if data is None:
            read_file(str(work), path, 100)
        else:
            write_file(str(work), path, data)

    with pytest.raises(RequestRefused) as caught:
        ask()
    assert caught.value.kind == kind, caught.value
    return str(caught.value)


@pytest.mark.parametrize(
    "path",
    ["a", "./a", "a/b/c", "//a".lstrip("/"), "-rf", "a b\n", "\u00fc", "\udcff", "...", "x" * 255],
)
def test_files_come_back(work: Path, path: str) -> None:
    data = bytes(range(256))
    write_file(str(work), path, data, mode=0o750)
    assert read_file(str(work), path, 256) == data
    assert read_file(str(work), f"{work}/{path}", 256) == data
    assert stat.S_IMODE(os.stat(os.path.join(work, path)).st_mode) == 0o750
    write_file(str(work), path, b"")
    assert read_file(str(work), path, 0) == b""
    left = [name for _, _, names in os.walk(work) for name in names]
    assert left == [os.path.basename(path)]  # nothing half-written beside it


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("denied", ".."),
        ("denied", "../secret"),
        ("denied", "a/../../secret"),
        ("denied", "a/.."),
        ("denied", "/etc/passwd"),
        ("denied", "/"),
        ("denied", "a\0b"),
        ("usage", ""),
        ("usage", "."),
        ("usage", "./."),
        ("usage", "\ud800"),
        ("usage", "x" * 300),
        ("usage", "x/" * 3000 + "x"),
    ],
)
def test_paths_that_are_none(work: Path, kind: str, path: str) -> None:
    refused(kind, path, work)
    refused(kind, path, work, b"x")
    assert os.listdir(work) == []


def test_a_folder_with_the_same_beginning_is_another_one(work: Path) -> None:
    (work.parent / "work2").mkdir()
    refused("denied", f"{work}2/x", work, b"x")
    refused("denied", f"{work}/../secret", work)


def test_links_are_never_followed(work: Path) -> None:
    outside, secret = work.parent / "outside", work.parent / "secret"
    (work / "file").symlink_to(secret)
    (work / "folder").symlink_to(outside)
    (work / "inner").mkdir()
    (work / "in").symlink_to("inner")
    (work / "loop").symlink_to("loop")
    for path in ("file", "folder/x", "in/x", "loop", "loop/x"):
        refused("denied", path, work)
    for path in ("folder/x", "folder/a/b", "in/x", "loop/x"):
        refused("denied", path, work, b"x")
    write_file(str(work), "file", b"mine")  # in the link's place, not where it points
    assert (secret.read_text(), (work / "file").read_text()) == ("secret", "mine")
    assert os.listdir(outside) == []


def test_what_is_no_regular_file(work: Path) -> None:
    os.mkfifo(work / "pipe")
    (work / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(work / "socket"))
        for name in ("pipe", "socket"):
            refused("denied", name, work)  # and does not wait for anybody
    assert "is a folder" in refused("usage", "folder", work)
    assert "is a folder" in refused("usage", "folder", work, b"x")
    refused("usage", "pipe/x", work, b"x")
    refused("usage", "none", work)
    refused("usage", "none/x", work)


def test_a_device_is_denied(work: Path) -> None:
    try:
        os.mknod(work / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")
    refused("denied", "zero", work)


def test_reading_is_bounded(work: Path) -> None:
    (work / "big").write_bytes(b"x" * 1001)
    assert len(read_file(str(work), "big", 1001)) == 1001
    for limit in (1000, 0, -5):
        with pytest.raises(RequestRefused, match="larger"):
            read_file(str(work), "big", limit)
    with open(work / "sparse", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(RequestRefused, match="larger"):
        read_file(str(work), "sparse", 1000)


def test_what_is_refused_leaves_nothing(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int, data: memoryview) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", full)
        assert "disk limit" in refused("usage", "a", work, b"x")
    assert os.listdir(work) == []
    before = len(os.listdir("/proc/self/fd"))
    for path in ("none", "none/x", "../x"):
        refused("denied" if ".." in path else "usage", path, work)
    assert len(os.listdir("/proc/self/fd")) == before


def test_swapping_links_meanwhile_never_lets_out(work: Path) -> None:
    outside = work.parent / "outside"
    (outside / "file").write_text("secret")
    (work / "link").symlink_to(outside)
    (work / "swap").mkdir()
    (work / "swap" / "file").write_text("mine")
    exchange = ctypes.CDLL(None).renameat2
    names = [os.fsencode(work / name) for name in ("swap", "link")]
    swaps = 0
    stop = threading.Event()

    def swap() -> None:
        nonlocal swaps
        while not stop.is_set():
            swaps += not exchange(-100, names[0], -100, names[1], 2)  # AT_FDCWD, RENAME_EXCHANGE

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        got = set()
        for _ in range(2000):
            try:
                got.add(read_file(str(work), "swap/file", 100))
                write_file(str(work), "swap/new", b"x")
            except RequestRefused:
                continue
    finally:
        stop.set()
        thread.join()
    assert got == {b"mine"}
    assert swaps > 100
    assert os.listdir(outside) == ["file"]


def test_folders_and_links_of_an_archive(work: Path) -> None:
    make_folder(str(work), "a/b")
    make_folder(str(work), "a/b")
    assert (work / "a" / "b").is_dir()
    make_link(str(work), "a/link", "/etc/passwd")
    assert os.readlink(work / "a" / "link") == "/etc/passwd"
    for path in ("a/link", "a"):
        with pytest.raises(RequestRefused):
            make_link(str(work), path, "x")
    with pytest.raises(RequestRefused) as caught:
        make_folder(str(work), "a/link/x")
    assert caught.value.kind == "denied"
