"""Standard streams of a container over one connection taken over from HTTP (``hijacked``).

Without a terminal the engine frames what the container writes: a byte for the stream (1 standard
output, 2 standard error), three of zeroes, four of length, then the payload. What is written to it
goes to standard input as it is. Source: Docker Engine API v1.41, ContainerAttach.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from typing import SupportsIndex

_HEADER = struct.Struct(">BxxxI")
_HEAD_END = b"\r\n\r\n"
_STDERR = 2
_STDERR_KEPT = 4096  # bytes; enough for the last messages of a failed start


class Unframer(asyncio.StreamReader):
    """Extract standard output from the engine's answer and its frames.

    Attributes:
        answered: Future set with the status line once the engine has answered.
        said: Last part of standard error, for messages.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop=loop)
        self.answered: asyncio.Future[str] = loop.create_future()
        self.said = b""
        self._raw = bytearray()
        self._kind, self._left = 0, 0  # of the frame that is coming

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Process received bytes."""
        self._raw.extend(data)
        if not self.answered.done():
            head, end, rest = self._raw.partition(_HEAD_END)
            if not end:
                return
            self.answered.set_result(head.split(b"\r\n", 1)[0].decode("latin-1"))
            self._raw = rest
        if payload := self._unframe():
            super().feed_data(payload)

    def feed_eof(self) -> None:
        """Note the end of the connection."""
        if not self.answered.done():
            self.answered.set_result("nothing")
        super().feed_eof()

    def _unframe(self) -> bytes:
        payload = bytearray()
        while self._raw:
            if not self._left:
                if len(self._raw) < _HEADER.size:
                    break
                self._kind, self._left = _HEADER.unpack_from(self._raw)
                del self._raw[: _HEADER.size]
                continue
            piece = self._raw[: self._left]
            del self._raw[: len(piece)]
            self._left -= len(piece)
            if self._kind == _STDERR:
                self.said = (self.said + piece)[-_STDERR_KEPT:]
            else:
                payload += piece
        return bytes(payload)


async def attach(socket: str, path: str) -> tuple[Unframer, asyncio.StreamWriter]:
    """Attach at `path`; return its standard output and input.

    Raises:
        OSError: Nothing listens, or the answer is not the expected one.
    """
    loop = asyncio.get_running_loop()
    reader = Unframer()
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_unix_connection(lambda: protocol, socket)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: engine\r\n"
            "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n".encode()
        )
        status = await reader.answered
        if status.split()[1:2] != ["101"]:
            raise OSError(f"attaching was answered with {status!r}")
    except BaseException:
        writer.close()
        raise
    return reader, writer
