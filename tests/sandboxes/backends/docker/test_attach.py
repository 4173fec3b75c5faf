"""The engine's frames, however the bytes arrive."""

from __future__ import annotations

import asyncio
import itertools
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.sandboxes.backends.docker.attach import Unframer, attach

HEAD = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\n"
frames = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=12)


def framed(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxI", kind, len(payload)) + payload


@given(frames, st.lists(st.integers(0, 600), max_size=20))
def test_standard_output_comes_whole_whatever_the_pieces(
    sent: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    stream = HEAD + b"".join(framed(*frame) for frame in sent)
    edges = sorted({0, len(stream), *(c for c in cuts if c < len(stream))})

    async def receive() -> tuple[bytes, bytes, str]:
        reader = Unframer()
        for begin, end in itertools.pairwise(edges):
            reader.feed_data(stream[begin:end])
        reader.feed_eof()
        return await reader.read(), reader.said, await reader.answered

    out, said, status = asyncio.run(receive())
    assert out == b"".join(payload for kind, payload in sent if kind == 1)
    assert said == b"".join(payload for kind, payload in sent if kind == 2)
    assert status == "HTTP/1.1 101 UPGRADED"


async def test_a_flood_of_errors_is_not_kept() -> None:
    reader = Unframer()
    reader.feed_data(HEAD)
    for _ in range(100):
        reader.feed_data(framed(2, b"x" * 1000))
    assert len(reader.said) == 4096


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 Not Found\r\n\r\n", b"", b"garbage\r\n\r\n"])
async def test_another_answer_is_an_error(tmp_path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    path = str(tmp_path / "engine.sock")
    async with await asyncio.start_unix_server(serve, path):
        with pytest.raises(OSError, match="attaching was answered with"):
            await attach(path, "/containers/x/attach")
