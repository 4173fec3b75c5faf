"""Standard input of a program, written without blocking."""

from __future__ import annotations

import os


class StdinWriter:
    """Writing end of a pipe; closed once all is written, or the reader is gone.

    Args:
        file: Descriptor, owned by this object from now on.
        data: Bytes to write.
    """

    def __init__(self, file: int, data: bytes) -> None:
        os.set_blocking(file, False)
        self.file = file
        self._left = memoryview(data)

    @property
    def open(self) -> bool:
        """Return whether some data is left."""
        return self.file >= 0

    def pump(self) -> None:
        """Write as much as the pipe takes now."""
        try:
            while self._left:
                self._left = self._left[os.write(self.file, self._left[: 1 << 16]) :]
        except BlockingIOError:
            return
        except OSError:
            self._left = memoryview(b"")  # it does not want the rest
        self.close()

    def close(self) -> None:
        """Close the pipe."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1
