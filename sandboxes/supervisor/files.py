"""Files of the working directory, opened without ever following a link.

A program of the sandbox owns the folders walked here and may swap any of them at any moment: each
component is opened from the one before (``O_NOFOLLOW``), so no name is ever looked up twice.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LONGEST = 4000  # below what the kernel takes in one piece, so that other programs can follow
_LINK = (errno.ELOOP, errno.EMLINK)


class RequestRefused(Exception):
    """A refused request; `kind` is ``denied`` or ``usage``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def parts_of(workdir: str, path: str) -> list[str]:
    """Components of a path below the working directory."""
    if "\0" in path:
        raise RequestRefused("denied", "a path holds a NUL byte")
    try:
        length = len(os.fsencode(path))
    except UnicodeEncodeError as error:
        raise RequestRefused("usage", "a path that no file can have: it is no text") from error
    if length > _LONGEST:
        raise RequestRefused("usage", f"a path of more than {_LONGEST} bytes")
    if path.startswith(workdir.rstrip("/") + "/"):
        path = path[len(workdir.rstrip("/")) + 1 :]
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts:
        raise RequestRefused("denied", f"{path!r} leaves the working directory")
    if not parts:
        raise RequestRefused("usage", f"{path!r} is no file")
    return parts


def read_file(workdir: str, path: str, limit: int) -> bytes:
    """Read a regular file, at most `limit` bytes."""
    with _folder_of(workdir, path) as (folder, name):
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.open(name, flags, dir_fd=folder)
        except OSError as error:
            raise _refusal(path, error) from error
    try:
        found = os.fstat(file)
        if stat.S_ISDIR(found.st_mode):
            raise RequestRefused("usage", f"{path!r} is a folder")
        if not stat.S_ISREG(found.st_mode):
            raise RequestRefused("denied", f"{path!r} is no regular file")
        pieces: list[bytes] = []
        size = 0
        while size <= limit:
            piece = os.read(file, min(1 << 20, limit + 1 - size))
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
        raise RequestRefused(
            "usage", f"{path!r} is larger than {limit} bytes: raise the read's limit"
        )
    finally:
        os.close(file)


def write_file(
    workdir: str, path: str, data: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None
) -> None:
    """Write a file atomically, with its folders; `owner` (uid, gid) owns the result."""
    with _folder_of(workdir, path, make=True, owner=owner) as (folder, name):
        beside = f".{secrets.token_hex(8)}"
        try:
            if stat.S_ISDIR(_mode(name, folder)):
                raise RequestRefused("usage", f"{path!r} is a folder")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(beside, flags, 0o600, dir_fd=folder)
        except OSError as error:
            raise _refusal(path, error) from error
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
            os.fchmod(file, mode)
            if owner is not None:
                os.fchown(file, *owner)
            os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            os.unlink(beside, dir_fd=folder)
            raise _refusal(path, error) from error
        finally:
            os.close(file)


def make_folder(workdir: str, path: str, owner: tuple[int, int] | None = None) -> None:
    """Make a folder and those above it."""
    with _folder_of(workdir, path + "/.keep", make=True, owner=owner):
        return


def make_link(workdir: str, path: str, target: str, owner: tuple[int, int] | None = None) -> None:
    """Make a symbolic link; its target is not checked, because no link is ever followed."""
    with _folder_of(workdir, path, make=True, owner=owner) as (folder, name):
        try:
            os.symlink(target, name, dir_fd=folder)
            if owner is not None:
                os.chown(name, *owner, dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            raise _refusal(path, error) from error


@contextmanager
def _folder_of(
    workdir: str, path: str, make: bool = False, owner: tuple[int, int] | None = None
) -> Iterator[tuple[int, str]]:
    """Open descriptor of the folder that holds `path`, and the last name of the path."""
    *above, name = parts_of(workdir, path)
    folder = os.open(workdir, _FOLDER)
    try:
        for part in above:
            try:
                if make and not _mode(part, folder):
                    os.mkdir(part, 0o755, dir_fd=folder)
                    if owner is not None:
                        os.chown(part, *owner, dir_fd=folder, follow_symlinks=False)
                below = os.open(part, _FOLDER, dir_fd=folder)
            except OSError as error:
                if stat.S_ISLNK(_mode(part, folder)):
                    raise RequestRefused("denied", f"{path!r} leads through a link") from error
                raise _refusal(path, error) from error
            os.close(folder)
            folder = below
        yield folder, name
    finally:
        os.close(folder)


def _mode(name: str, folder: int) -> int:
    """File mode of that name; 0 if it does not exist."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _refusal(path: str, error: OSError) -> RequestRefused:
    if error.errno in _LINK:
        return RequestRefused("denied", f"{path!r} is a link")
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return RequestRefused("denied", f"{path!r} is no regular file")
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return RequestRefused("usage", f"no room for {path!r}: the sandbox's disk limit is reached")
    return RequestRefused("usage", f"{path!r}: {os.strerror(error.errno or 0)}")
