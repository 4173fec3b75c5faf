"""The working directory as an archive and back, and archives made to do harm."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import Denied, open_backend
from envgym.sandboxes.base import Backend, Sandbox
from envgym.sandboxes.limits import MIB, Limits


@pytest.fixture
async def backend():  # type: ignore[no-untyped-def]
    async with open_backend("unsafe") as backend:
        yield backend


def archive(*entries: tuple[str, Callable[[tarfile.TarInfo], None] | bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, what in entries:
            info = tarfile.TarInfo(name)
            data = what if isinstance(what, bytes) else b""
            info.size = len(data)
            if not isinstance(what, bytes):
                what(info)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def link(target: str, kind: bytes = tarfile.SYMTYPE) -> Callable[[tarfile.TarInfo], None]:
    def make(info: tarfile.TarInfo) -> None:
        info.type, info.linkname = kind, target

    return make


def special(kind: bytes) -> Callable[[tarfile.TarInfo], None]:
    def make(info: tarfile.TarInfo) -> None:
        info.type = kind

    return make


async def test_trees_come_back_and_equal_trees_are_equal_bytes(backend: Backend) -> None:
    code = (
        "import os\n"
        "os.makedirs('a/b/c'); os.mkdir('empty'); open('a/run', 'w').write('#!/bin/sh\\necho hi')\n"
        "os.chmod('a/run', 0o755); os.symlink('a/run', 'link'); os.symlink('/etc/passwd', 'out')\n"
        "open(b'\\xff\\n', 'wb').write(bytes(range(256))); open('zero', 'w')\n"
        "os.mkfifo('pipe'); os.makedirs('d/' * 300)\n"
    )
    listing = (
        "import os\n"
        "print(sorted((r, sorted(d), sorted(map(ascii, f))) for r, d, f in os.walk('.')))"
    )
    box = await backend.open()
    assert (await box.python(code)).ok
    data = await box.snapshot()
    assert await box.snapshot() == data
    copy = await backend.open(snapshot=data)
    assert await copy.snapshot() == data
    await box.exec(["rm", "pipe"])
    assert (await copy.python(listing)).stdout == (await box.python(listing)).stdout
    assert (await copy.exec(["./a/run"])).text == "hi\n"
    assert (await copy.exec(["readlink", "out"])).text == "/etc/passwd\n"


BAD: dict[str, tuple[bytes, type[UsageError]]] = {
    "no archive": (b"\xff" * 2000, UsageError),
    "a gzip": (b"\x1f\x8b" + bytes(2000), UsageError),
    "up": (archive(("../x", b"1")), Denied),
    "up later": (archive(("a", b"1"), ("b/../../x", b"1")), Denied),
    "absolute": (archive(("/tmp/x", b"1")), Denied),
    "through a link": (archive(("l", link("/tmp")), ("l/envgym-evil", b"1")), Denied),
    "through an inner link": (
        archive(("d", special(tarfile.DIRTYPE)), ("l", link("d")), ("l/x", b"1")),
        Denied,
    ),
    "a hard link": (archive(("l", link("/etc/passwd", tarfile.LNKTYPE))), Denied),
    "a pipe": (archive(("p", special(tarfile.FIFOTYPE))), Denied),
    "a device": (archive(("d", special(tarfile.CHRTYPE))), Denied),
    "a file in a folder's place": (archive(("a/b", b"1"), ("a", b"1")), UsageError),
    "cut short": (archive(("a", bytes(5000)))[:3000], UsageError),
    "a size that is none": (
        archive(("a", b"1")).replace(b"00000000001\0", b"77777777777\0", 1),
        UsageError,
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_archives_that_do_harm(backend: Backend, name: str) -> None:
    data, error = BAD[name]
    with pytest.raises(error):
        await backend.open(snapshot=data)
    assert "envgym-evil" not in os.listdir("/tmp")
    assert not backend._boxes  # type: ignore[attr-defined]
    assert (await backend.run_python("print(1)")).ok


async def test_what_is_too_large_is_refused(backend: Backend) -> None:
    box = await backend.open(limits=Limits(disk_bytes=MIB))
    await box.python("open('big', 'wb').truncate(2 << 20)")
    with pytest.raises(UsageError, match="more than 1048576 bytes"):
        await box.snapshot()
    await box.exec(["rm", "big"])
    await box.write("small", b"1")
    assert len(await box.snapshot()) > 0


async def test_files_that_change_meanwhile_do_not_break_a_snapshot(backend: Backend) -> None:
    box: Sandbox = await backend.open()
    shell = await box.shell()
    await shell.run(
        "(while true; do echo x > a; rm a; mkfifo a; rm a; mkdir a; rmdir a;"
        " ln -s /etc/passwd a; rm a; done) & true"
    )
    taken = 0
    for _ in range(30):
        try:
            data = await box.snapshot()
        except UsageError:
            continue
        taken += 1
        assert b"root:" not in data
    assert taken
