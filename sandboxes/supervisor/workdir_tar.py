"""Pack and unpack the working directory as a tar archive, each in its own process."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
import tarfile
from collections.abc import Callable
from typing import Any

from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.files import RequestRefused, make_folder, make_link, write_file

MOST_FILES = 200_000


def pack_folder(config: BoxConfig, limit: int) -> None:
    """Write the archive to standard output.

    Times and owners are left out, so that equal trees give equal bytes; so are pipes, sockets and
    devices.
    """
    with os.fdopen(1, "wb", closefd=False) as out, tarfile.open(fileobj=out, mode="w|") as tar:
        total = count = 0
        for root, folders, names, here in os.fwalk(config.workdir, follow_symlinks=False):
            folders.sort()
            inside = os.path.relpath(root, config.workdir)
            for name in sorted([*folders, *names]):
                found = os.stat(name, dir_fd=here, follow_symlinks=False)
                info = tarfile.TarInfo(os.path.normpath(os.path.join(inside, name)))
                info.mode = stat.S_IMODE(found.st_mode)
                count += 1
                data: Any = None
                if stat.S_ISDIR(found.st_mode):
                    info.type = tarfile.DIRTYPE
                elif stat.S_ISLNK(found.st_mode):
                    info.type, info.linkname = tarfile.SYMTYPE, os.readlink(name, dir_fd=here)
                elif stat.S_ISREG(found.st_mode):
                    # Without O_NONBLOCK a pipe put in its place meanwhile would keep us waiting.
                    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
                    file = os.open(name, flags, dir_fd=here)
                    with os.fdopen(file, "rb") as stream:
                        data = stream.read(limit - total + 1)
                    info.size = len(data)
                    total += info.size
                else:
                    continue
                if total > limit or count > MOST_FILES:
                    raise RequestRefused("usage", f"more than {limit} bytes or {MOST_FILES} files")
                tar.addfile(info, io.BytesIO(data) if data is not None else None)


def unpack_folder(config: BoxConfig, data: bytes) -> None:
    """Unpack an archive's folders, regular files and links into the working directory."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for count, info in enumerate(tar):
                if count > MOST_FILES:
                    raise RequestRefused("usage", f"an archive of more than {MOST_FILES} files")
                if info.isdir():
                    make_folder(config.workdir, info.name, config.owner)
                elif info.issym():
                    make_link(config.workdir, info.name, info.linkname, config.owner)
                elif info.isreg():
                    file = tar.extractfile(info)
                    body = file.read() if file is not None else b""
                    write_file(config.workdir, info.name, body, info.mode & 0o777, config.owner)
                else:
                    raise RequestRefused(
                        "denied", f"{info.name!r} is neither file, folder nor link"
                    )
    except tarfile.TarError as error:
        raise RequestRefused("usage", f"no tar archive: {error}") from error


def report(work: Callable[[], None]) -> None:
    """Run one of the two in its process; write a refusal to standard error as JSON."""
    try:
        work()
        code = 0
    except RequestRefused as refused:
        code = _tell(refused.kind, str(refused))
    except (OSError, RecursionError, MemoryError) as error:
        code = _tell("usage", f"the working directory cannot be archived: {error}")
    sys.stdout.flush()
    os._exit(code)


def _tell(kind: str, message: str) -> int:
    os.write(2, json.dumps({"error": kind, "message": message}).encode())
    return 1
