"""One output pipe of a program, kept up to a limit."""

from __future__ import annotations

import os


class Capture:
    """Reading end of a pipe.

    Attributes:
        data: Output so far, at most `limit` bytes.
        over: Whether there was more, which is discarded.
        open: Whether more may come.
    """

    def __init__(self, file: int, limit: int) -> None:
        os.set_blocking(file, False)
        self.file = file
        self.limit = limit
        self.data = bytearray()
        self.over = False
        self.open = True

    def pump(self) -> bool:
        """Read available data; return whether there may be more at once."""
        for _ in range(64):  # a flood must not keep the supervisor from its clock
            try:
                piece = os.read(self.file, 1 << 16)
            except BlockingIOError:
                return False
            except OSError:
                piece = b""
            if not piece:
                self.open = False
                return False
            room = self.limit - len(self.data)
            self.data += piece[: max(room, 0)]
            if len(piece) > room:
                self.over = True
                return False
        return True

    def take(self) -> bytes:
        """Return and clear the data since the last `take`."""
        data, self.data, self.over = bytes(self.data), bytearray(), False
        return data

    def close(self) -> None:
        """Close the pipe."""
        if self.file >= 0:
            os.close(self.file)
            self.file, self.open = -1, False


def pipes(count: int) -> list[int]:
    """Make pipes: the reading and the writing end of each, one after the other.

    Raises:
        OSError: This process has no descriptors left; none stays open.
    """
    files: list[int] = []
    try:
        for _ in range(count):
            files += os.pipe()
    except OSError:
        for file in files:
            os.close(file)
        raise
    return files
