"""A program's standard input, written as it is taken."""

from __future__ import annotations

import os


class Feed:
    """The writing end of a pipe; closed once all is written, or nobody wants the rest.

    Args:
        file: Owned by this from now on.
        data: What is to be written.
    """

    def __init__(self, file: int, data: bytes) -> None:
        os.set_blocking(file, False)
        self.file = file
        self._left = memoryview(data)

    @property
    def open(self) -> bool:
        """Whether some is left."""
        return self.file >= 0

    def pump(self) -> None:
        """Write what the program takes now."""
        try:
            while self._left:
                self._left = self._left[os.write(self.file, self._left[: 1 << 16]) :]
        except BlockingIOError:
            return
        except OSError:
            self._left = memoryview(b"")  # it does not want the rest
        self.close()

    def close(self) -> None:
        """Let go of the pipe."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1
