"""Frames: whatever is packed comes back however it arrives, and nothing else passes for one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.sandboxes.supervisor.streams import frames
from envgym.sandboxes.supervisor.streams.frames import LENGTHS, BadFrame, Unpacker, pack

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
headers = st.dictionaries(st.text().filter(lambda name: name != "parts"), values, max_size=4)
messages = st.lists(st.tuples(headers, st.lists(st.binary(max_size=200), max_size=4)), max_size=5)


def raw(head: bytes, body: bytes = b"", head_size: int | None = None) -> bytes:
    return LENGTHS.pack(len(head) if head_size is None else head_size, len(body)) + head + body


@given(messages, st.lists(st.integers(1, 64)))
def test_frames_come_back_in_any_pieces(
    sent: list[tuple[dict[str, object], list[bytes]]], cuts: list[int]
) -> None:
    stream = b"".join(pack(header, *parts) for header, parts in sent)
    unpacker, came = Unpacker(), []
    begin = 0
    for size in [*cuts, len(stream)]:
        came += list(unpacker.feed(stream[begin : begin + size]))
        begin += size
    assert [(h, p) for h, p in came] == [
        ({**header, "parts": [len(p) for p in parts]}, parts) for header, parts in sent
    ]


@given(st.binary(max_size=400))
def test_garbage_is_incomplete_or_no_frame(data: bytes) -> None:
    try:
        for header, parts in Unpacker().feed(data):
            assert list(map(len, parts)) == header["parts"]
    except BadFrame:
        return


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'"parts"',
        b"{}",
        b'{"parts":null}',
        b'{"parts":[null]}',
        b'{"parts":["x"]}',
        b'{"parts":[1e999]}',
        b'{"parts":[1,-1]}',
        b'{"parts":[1]}',
        b"[" * 100_000,
        b'{"parts":' * 50_000,
        b'{"parts":[' + b"9" * 10_000 + b"]}",
    ],
)
def test_headers_that_are_none(head: bytes) -> None:
    with pytest.raises(BadFrame):
        list(Unpacker().feed(raw(head)))


def test_large_frames_are_refused_before_they_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    for lengths in ((frames.MOST_HEADER + 1, 0), (2, frames.MOST_BODY + 1), (2**32 - 1, 2**32 - 1)):
        with pytest.raises(BadFrame, match="larger"):
            list(Unpacker().feed(LENGTHS.pack(*lengths)))
    small = Unpacker(most_header=30, most_body=0)
    assert len(list(small.feed(pack({"ok": 1})))) == 1
    with pytest.raises(BadFrame, match="larger"):
        list(small.feed(pack({}, b"x")))
    monkeypatch.setattr(frames, "MOST_BODY", 10)
    with pytest.raises(BadFrame, match="more than"):
        pack({}, b"12345", b"123456")
    monkeypatch.setattr(frames, "MOST_HEADER", 30)
    with pytest.raises(BadFrame, match="more than"):
        pack({"argv": "x" * 30})


def test_text_that_is_no_utf8_travels() -> None:
    header = {"path": b"\xff".decode("utf-8", "surrogateescape"), "more": "\ud800\U0001f600"}
    ((back, _),) = Unpacker().feed(pack(header))
    assert {k: back[k] for k in header} == header
    assert json.loads(json.dumps(header)) == header
