"""Frames between the host and a box's supervisor: a JSON header and raw parts.

On the wire: two 32-bit lengths (header, all parts together), the header, the parts one after the
other. The header's ``parts`` lists their lengths. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

LENGTHS = struct.Struct(">II")
MOST_HEADER = 1 << 20
MOST_BODY = 1 << 30


class BadFrame(ValueError):
    """The bytes are no frame: whoever sent them is not one of ours."""


def pack(header: dict[str, Any], *parts: bytes) -> bytes:
    """One frame."""
    head = json.dumps({**header, "parts": [len(p) for p in parts]}).encode()
    return b"".join([LENGTHS.pack(len(head), sum(map(len, parts))), head, *parts])


class Unpacker:
    """Frames out of a stream of bytes that arrive in any pieces."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        """The frames that are whole now.

        Raises:
            BadFrame: They are none.
        """
        self._data += data
        while len(self._data) >= LENGTHS.size:
            head, body = LENGTHS.unpack_from(self._data)
            if head > MOST_HEADER or body > MOST_BODY:
                raise BadFrame("a frame larger than any of ours")
            begin = LENGTHS.size + head
            if len(self._data) < begin + body:
                return
            try:
                header = json.loads(self._data[LENGTHS.size : begin])
                sizes = [int(size) for size in header["parts"]]
            except (ValueError, KeyError, TypeError) as error:
                raise BadFrame(f"no header: {error}") from error
            if sum(sizes) != body or min(sizes, default=0) < 0:
                raise BadFrame("the parts are not as long as the header says")
            parts: list[bytes] = []
            for size in sizes:
                parts.append(bytes(self._data[begin : begin + size]))
                begin += size
            del self._data[:begin]
            yield header, parts
