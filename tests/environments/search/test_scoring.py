"""SQuAD's measures by hand-worked values and by properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.environments.search.scoring import exact_match, f1, normalize_answer

PHRASES = st.text(alphabet="abcé THE-'.", max_size=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Eiffel Tower!", "eiffel tower"),
        ("a cat, an owl & the dog", "cat owl dog"),
        ("Jan Svěrák", "jan svěrák"),
        ("Svěrák", "svěrák"),
        ("D’Annunzio", "dannunzio"),
        ("theatre", "theatre"),
        ("\u22125", "5"),
        ("8½", "8 12"),
        ("8 1/2", "8 12"),
        ("The The", "the the"),
        ("A", "a"),
        ("  ", ""),
    ],
)
def test_normalize_answer(text: str, expected: str) -> None:
    assert normalize_answer(text) == expected


@pytest.mark.parametrize(
    ("prediction", "golds", "em", "overlap"),
    [
        ("the Beatles", ("Beatles",), 1.0, 1.0),
        ("John Lennon", ("John Winston Lennon",), 0.0, 0.8),
        # precision 1/4, recall 1/2
        ("Paris in northern France", ("Paris Texas",), 0.0, 1 / 3),
        # tokens count as a multiset: one "new" only is shared
        ("new new york", ("new york city",), 0.0, 2 / 3),
        ("1954", ("1955", "1954"), 1.0, 1.0),
        ("", ("x",), 0.0, 0.0),
        (None, ("x",), 0.0, 0.0),
        ("...", ("x",), 0.0, 0.0),
        ("Paris", "Paris", 1.0, 1.0),
    ],
)
def test_scores(prediction: str | None, golds: tuple[str, ...], em: float, overlap: float) -> None:
    assert exact_match(prediction, golds) == em
    assert f1(prediction, golds) == pytest.approx(overlap)


def test_no_gold_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        f1("x", ())
    with pytest.raises(ValueError, match="at least one"):
        exact_match("x", [])


@given(PHRASES, PHRASES)
def test_f1_is_symmetric_and_bounded(one: str, other: str) -> None:
    assert f1(one, (other,)) == pytest.approx(f1(other, (one,)))
    assert 0.0 <= f1(one, (other,)) <= 1.0


@given(PHRASES, st.lists(PHRASES, min_size=1, max_size=3))
def test_exact_match_implies_f1_of_one(prediction: str, golds: list[str]) -> None:
    if exact_match(prediction, golds):
        assert f1(prediction, golds) == 1.0


@given(PHRASES, st.lists(PHRASES, min_size=1, max_size=3), PHRASES)
def test_another_gold_never_lowers_a_score(pred: str, golds: list[str], more: str) -> None:
    assert f1(pred, [*golds, more]) >= f1(pred, golds)
    assert exact_match(pred, [*golds, more]) >= exact_match(pred, golds)
