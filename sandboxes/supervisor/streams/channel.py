"""The supervisor's end of the stream to the host, never waited on but in the loop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from envgym.sandboxes.supervisor.streams.frames import BadFrame, Unpacker, pack


class Channel:
    """Frames over one or two descriptors.

    Attributes:
        file: The one to read.
        out_file: The one to write.
        open: Whether the host is still there.
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
        """Whether there is something to write."""
        return bool(self._out)

    def receive(self) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        """Frames that came."""
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
        """Line a frame up."""
        self._out += pack(header, *parts)

    def send(self) -> None:
        """Write what the host takes now."""
        try:
            while self._out:
                del self._out[: os.write(self.out_file, self._out)]
        except BlockingIOError:
            return
        except OSError:
            self.open = False
