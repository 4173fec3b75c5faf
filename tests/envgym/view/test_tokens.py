from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from envgym.view.tokens import Pieces
from tests.envgym.view.runs import ids, run_folder, tokenizer


def test_pieces_end_where_characters_end(tmp_path: Path) -> None:
    tokenizer().save(str(tmp_path / "t.json"))
    assert Pieces(tmp_path / "t.json")(ids("né€")) == ["n", "", "é", "", "", "€"]


@given(text=st.text(max_size=12), noise=st.lists(st.integers(0, 255), max_size=8))
def test_pieces_join_to_the_text_and_noise_never_raises(
    tmp_path_factory: object, text: str, noise: list[int]
) -> None:
    path = _saved(tmp_path_factory)
    pieces = Pieces(path)
    assert "".join(pieces(ids(text))) == text
    assert len(pieces(noise)) == len(noise)


def _saved(factory: object) -> Path:
    path = factory.getbasetemp() / "bytes.json"  # type: ignore[attr-defined]
    if not path.exists():
        tokenizer().save(str(path))
    return path


def test_the_tokenizer_is_found_from_within_a_run(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    assert Pieces.beside(run) is not None
    assert Pieces.beside(run / "episodes" / "trained") is not None
    assert Pieces.beside(tmp_path) is None
