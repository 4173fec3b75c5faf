"""What a frame may be, and what is said about one that may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from envgym.errors import UsageError
from envgym.serve.protocol.frames import (
    ASKED,
    MAX_BYTES,
    REPLIES,
    REQUESTS,
    decode,
    encode,
    number_of,
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("\x00\x01", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "the frame"),
        ("{}", "'op'"),
        ('{"op": "fly", "id": 1}', "fly"),
        ('{"op": "step", "id": 1}', "step.action: Field required"),
        ('{"op": "step", "id": "x", "action": {"text": ""}}', "step.id"),
        ('{"op": "step", "id": 1, "action": {"text": 3}}', "step.action.text"),
        ('{"op": "step", "id": 1, "action": {"text": "", "tool_calls": [{}]}}', "tool_calls.0"),
        ('{"op": "close", "id": 1, "more": 2}', "close.more: Extra"),
        ('{"op": "consult", "id": 1, "oracle": -1}', "consult.oracle"),
    ],
)
def test_bad_requests_are_named(text: str, said: str) -> None:
    with pytest.raises(UsageError, match="bad frame: ") as raised:
        decode(REQUESTS, text)
    assert said in str(raised.value)
    assert len(str(raised.value)) < 300


def test_bad_replies_and_questions_are_named() -> None:
    with pytest.raises(UsageError, match="bad frame: stepped"):
        decode(REPLIES, '{"re": "stepped", "id": 1}')
    with pytest.raises(UsageError, match=r"tasks\.start"):
        decode(ASKED, '{"op": "tasks", "kwargs": {}, "split": "a", "start": -1, "stop": 2}')


def test_what_cannot_be_sent_is_refused_here() -> None:
    with pytest.raises(UsageError, match="keep it to JSON values"):
        encode({"info": object()})
    with pytest.raises(
        UsageError, match=r"17,825,803 bytes, and a frame may have 16,777,216 \(16 MiB\)"
    ):
        encode({"text": "x" * (MAX_BYTES + 2**20)})


@pytest.mark.parametrize("sign", ["x", "é", "語", "🙂"])
def test_a_frame_is_as_long_as_its_text_in_utf8(sign: str) -> None:
    room = MAX_BYTES - len('{"text":""}')
    assert decode(TypeAdapter(Any), encode({"text": sign * (room // len(sign.encode()))}))
    with pytest.raises(UsageError, match="send less"):
        encode({"text": sign * (room // len(sign.encode()) + 1)})


def test_half_characters_and_numbers_cross() -> None:
    frame = {"op": "step", "id": 2, "action": {"text": "\ud800 \x00"}}
    text = encode(frame)
    assert text.isascii()
    assert decode(REQUESTS, text) == frame
    assert number_of(text) == 2
    assert [number_of(t) for t in ("x", "[]", '{"id": "a"}', '{"id": true}')] == [0] * 4
