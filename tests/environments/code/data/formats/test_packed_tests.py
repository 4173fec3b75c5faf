"""LiveCodeBench's packed tests: read without loading a pickle."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest

from envgym.environments.code.data.formats import packed_tests
from envgym.environments.code.data.formats.packed_tests import unpacked
from envgym.environments.code.data.formats.row import BadRow

TESTS = json.dumps([{"input": "ä\n" * 5000, "output": "☃"}], ensure_ascii=False)


def pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("text", [TESTS, "[]"])
def test_a_pickled_text_is_read(protocol: int, text: str) -> None:
    assert unpacked(pack(pickle.dumps(text, protocol))) == text


def test_line_breaks_in_base_64_are_none_of_it() -> None:
    wrapped = base64.encodebytes(zlib.compress(pickle.dumps("[1]" + " " * 99)))
    assert unpacked(f"{wrapped.decode()}\n").strip() == "[1]"


def test_json_is_taken_as_it_is() -> None:
    assert unpacked(" [1]") == " [1]"
    assert unpacked(pack(b"[1]")) == "[1]"


class Attack:
    """An object whose pickle runs a command."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_does_more_is_refused_and_not_run(protocol: int, tmp_path: Path) -> None:
    for attack in (Attack(tmp_path / "ran"), [Attack(tmp_path / "ran"), TESTS], [TESTS], 7, b"[]"):
        with pytest.raises(BadRow, match="more than one text"):
            unpacked(pack(pickle.dumps(attack, protocol)))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text",
    ["no base 64!", base64.b64encode(b"no zlib").decode(), pack(b"no pickle"), pack(b""), "AAAA"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(BadRow, match="private tests"):
        unpacked(text)


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_tests, "MOST_BYTES", 1 << 10)
    with pytest.raises(BadRow, match="cut, or over"):
        unpacked(pack(pickle.dumps("[" + " " * 5000 + "]")))
