"""Supervisor's end of the stream to the host; only the loop waits for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from envgym.sandboxes.supervisor.streams.frames import BadFrame, Frame, Unpacker, pack


class Channel:
    """Frames over one or two descriptors.

    Attributes:
        file: Descriptor to read.
        out_file: Descriptor to write.
        open: Whether the host is still connected.
    """

    def __init__(self, file: int, out_file: int) -> None:
        self.file, self.out_file = file, out_file
        self.open = True
        self._unpacker = Unpacker()
        self._out = bytearray()
        for one in {file, out_file}:
            os.set_blocking(one, False)
            os.set_inheritable(one, False)

    @property
    def waiting(self) -> bool:
        """Return whether frames wait to be written."""
        return bool(self._out)

    def receive(self) -> Iterator[Frame]:
        """Return received frames."""
        try:
            data = os.read(self.file, 1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.open = False
            return
        try:
            yield from self._unpacker.feed(data)
        except BadFrame:
            self.open = False  # not our host any more

    def put(self, header: dict[str, Any], *parts: bytes) -> None:
        """Queue a frame."""
        self._out += pack(header, *parts)

    def send(self) -> None:
        """Write as much as the descriptor takes now."""
        try:
            while self._out:
                del self._out[: os.write(self.out_file, self._out)]
        except BlockingIOError:
            return
        except OSError:
            self.open = False
