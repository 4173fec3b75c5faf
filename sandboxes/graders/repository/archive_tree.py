"""Working directory of a sandbox as data: read from its archive, never extracted on the host."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from envgym.sandboxes.limits import MIB


class Refused(ValueError):
    """A sandbox holds, or changed, a file that no honest change needs; the message names it."""


class ExportLimits(BaseModel):
    """Maximum size of a change, and of the tree that holds it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: int = Field(1_000, ge=1, description="Files written, changed or removed.")
    file_bytes: int = Field(4 * MIB, ge=1, description="Size of one such file.")
    total_bytes: int = Field(16 * MIB, ge=1, description="Size of all such files.")
    tree_entries: int = Field(100_000, ge=1, description="Entries of the work sandbox's archive.")
    archive_bytes: int = Field(512 * MIB, ge=1, description="Size of the work sandbox's archive.")
    path_chars: int = Field(400, ge=1, description="Length of a path.")


_NAME_BYTES = 255


@dataclass(frozen=True)
class RegularFile:
    """A regular file."""

    data: bytes
    executable: bool = False


@dataclass(frozen=True)
class Symlink:
    """A symbolic link; it is never followed."""

    target: str


Tree = dict[str, RegularFile | Symlink]
"""Files and links of a tree by path, without folders."""


def read_tree(archive: bytes, limits: ExportLimits) -> Tree:
    """Read the files of an uncompressed tar archive.

    Raises:
        Refused: The archive is invalid or larger than the limits, or has paths that leave it or
            occur twice, hard links or devices.
    """
    if len(archive) > limits.archive_bytes:
        raise Refused(f"an archive of more than {limits.archive_bytes} bytes")
    tree: Tree = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for count, info in enumerate(tar):
                if count >= limits.tree_entries:
                    raise Refused(f"more than {limits.tree_entries} files")
                if info.isdir():
                    continue
                path = _checked(info.name, limits)
                if path in tree:
                    raise Refused(f"{path!r} is in the archive twice")
                tree[path] = _entry(tar, info, path)
    except (tarfile.TarError, EOFError, OverflowError) as error:
        raise Refused(f"no tar archive: {error}") from None
    check_folders(tree)
    return tree


def check_folders(tree: Tree) -> None:
    """Check that a disk could hold the tree.

    Raises:
        Refused: A path is both a file and a folder.
    """
    for path in tree:
        if any(above in tree for above in _above(path)):
            raise Refused(f"{path!r} lies under a file")


def _entry(tar: tarfile.TarFile, info: tarfile.TarInfo, path: str) -> RegularFile | Symlink:
    if info.issym():
        return Symlink(info.linkname)
    if not info.isreg() or info.issparse():
        raise Refused(f"{path!r} is neither a file nor a link")
    stream = tar.extractfile(info)
    data = stream.read() if stream is not None else b""
    if len(data) != info.size:
        raise Refused(f"{path!r} is cut short")
    return RegularFile(data, bool(info.mode & 0o100))


def _checked(name: str, limits: ExportLimits) -> str:
    path = name[2:] if name.startswith("./") else name
    parts = path.split("/")
    bad = not path or "\0" in path or "\\" in path or any(part in ("", ".", "..") for part in parts)
    try:
        longest = max(len(part.encode("utf-8", "surrogateescape")) for part in parts)
    except UnicodeEncodeError:
        bad = True
    if bad or len(path) > limits.path_chars or longest > _NAME_BYTES:
        raise Refused(f"the path {path[:80]!r}")
    return path


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def write_tree(tree: Tree) -> bytes:
    """Write a tree as an archive, for opening a sandbox."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, entry in sorted(tree.items()):
            info = tarfile.TarInfo(path)
            if isinstance(entry, Symlink):
                info.type, info.linkname = tarfile.SYMTYPE, entry.target
                tar.addfile(info)
            else:
                info.size, info.mode = len(entry.data), 0o755 if entry.executable else 0o644
                tar.addfile(info, io.BytesIO(entry.data))
    return out.getvalue()
