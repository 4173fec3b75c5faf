"""Frames between the host and a sandbox's supervisor: a JSON header and raw parts.

On the wire: two 32-bit lengths (header, all parts together), the header, the parts one after the
other. The header's ``parts`` lists their lengths. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

LENGTHS = struct.Struct(">II")
MOST_HEADER = 1 << 26  # the longest arguments a kernel takes, each byte escaped
MOST_BODY = 1 << 30


class Frame(NamedTuple):
    """A decoded frame.

    Attributes:
        header: JSON object, with the lengths of the parts as ``parts``.
        parts: Raw bytes.
    """

    header: dict[str, Any]
    parts: list[bytes]


class BadFrame(ValueError):
    """The bytes are no valid frame, so the sender is none of envgym's."""


def pack(header: Mapping[str, Any], *parts: bytes) -> bytes:
    """Encode one frame.

    Raises:
        BadFrame: It would be larger than one may be.
    """
    head = json.dumps({**header, "parts": [len(p) for p in parts]}).encode()
    body = sum(map(len, parts))
    if len(head) > MOST_HEADER or body > MOST_BODY:
        raise BadFrame(f"{len(head)} and {body} bytes: more than {MOST_HEADER} and {MOST_BODY}")
    return b"".join([LENGTHS.pack(len(head), body), head, *parts])


class Unpacker:
    """Decode frames from a stream of bytes in any pieces.

    Args:
        most_header, most_body: Maximum sizes in bytes. Larger frames are refused at once, so that
            nothing waits for their end or keeps their bytes.
    """

    def __init__(self, most_header: int = MOST_HEADER, most_body: int = MOST_BODY) -> None:
        self._data = bytearray()
        self._most_header, self._most_body = most_header, most_body

    @property
    def waiting(self) -> int:
        """Number of bytes of an incomplete frame."""
        return len(self._data)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Return the frames that are complete now.

        Raises:
            BadFrame: They are none.
        """
        self._data += data
        while len(self._data) >= LENGTHS.size:
            head, body = LENGTHS.unpack_from(self._data)
            if head > self._most_header or body > self._most_body:
                raise BadFrame("a frame larger than any of ours")
            begin = LENGTHS.size + head
            if len(self._data) < begin + body:
                return
            try:
                header = json.loads(self._data[LENGTHS.size : begin])
                sizes = [int(size) for size in header["parts"]]
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
                raise BadFrame(f"no header: {error}") from error
            if sum(sizes) != body or min(sizes, default=0) < 0:
                raise BadFrame("the parts are not as long as the header says")
            parts: list[bytes] = []
            with memoryview(self._data) as view:
                for size in sizes:
                    parts.append(bytes(view[begin : begin + size]))
                    begin += size
            del self._data[:begin]
            yield Frame(header, parts)
