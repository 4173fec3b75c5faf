"""Atomic file writes: a reader finds the old content or the new one, never a part.

A draft beside the target is written, flushed to the disk (``fsync``) and renamed over the target;
then the folder is flushed, so that the rename outlives a loss of power as well.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_atomically(path: Path, content: bytes | str) -> None:
    """Replace `path` by a file that holds `content`; text is written as UTF-8.

    Threads and processes may write the same path at once: the last one wins.

    Raises:
        OSError: The file could not be written; what was there before stays, and no draft is left.
    """
    data = content.encode() if isinstance(content, str) else content
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    flush_to_disk(path.parent)


def flush_to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
