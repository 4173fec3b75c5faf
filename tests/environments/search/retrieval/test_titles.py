"""Title lookup: spelling that does not count, near misses best first, nothing for nonsense."""

from __future__ import annotations

import pytest

from envgym.environments.search.corpus import Passage
from envgym.environments.search.retrieval.titles import TitleIndex, title_key

TITLES = ["Silent River", "Silent River (film)", "Straße", "Ａ Wide Title", "silent  river", "O"]
PAGES = [Passage(str(number), title, f"text {number}") for number, title in enumerate(TITLES)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("  Silent\tRiver ", "silent river"),
        ("STRASSE", "Straße"),
        ("Cafe\u0301", "CAFÉ"),
        ("Ａ", "a"),
    ],
)
def test_spellings_that_meet(one: str, other: str) -> None:
    assert title_key(one) == title_key(other)


def test_exact_lookup() -> None:
    index = TitleIndex(PAGES)
    assert index.get("SILENT river") == PAGES[0]  # the first of two pages of that name
    assert index.get("Silent River (Film)") == PAGES[1]
    assert index.get("strasse") == PAGES[2]
    assert index.get("a wide title") == PAGES[3]
    assert index.get("Silent") is None
    assert index.get("") is None


def test_nearest_comes_best_first() -> None:
    index = TitleIndex(PAGES)
    assert index.nearest("Silent Rivre", 5)[:2] == ["Silent River", "Silent River (film)"]
    assert "Silent River (film)" in index.nearest("silent river film", 2)  # brackets left out
    assert index.nearest("river silent", 1) == ["Silent River"]
    assert index.nearest("zzzz", 3) == []
    assert index.nearest("Silent River", 0) == []


def test_ties_stand_in_corpus_order() -> None:
    twins = [Passage("0", "Bell Tower", "x"), Passage("1", "Bell Towel", "x")]
    assert TitleIndex(twins).nearest("Bell Towez", 2) == ["Bell Tower", "Bell Towel"]
    assert TitleIndex(twins[::-1]).nearest("Bell Towez", 2) == ["Bell Towel", "Bell Tower"]


def test_every_real_title_is_found_and_nearest_to_itself(wiki_passages: list[Passage]) -> None:
    index = TitleIndex(wiki_passages)
    hidden = [page.title for page in wiki_passages if index.get(page.title) != page]
    assert hidden == []  # also "Queen of spades" the card, beside "Queen of Spades"
    for page in wiki_passages[::200]:
        assert index.nearest(page.title, 1) == [page.title]
        # One dropped letter still leads there.
        if len(page.title) > 12:
            assert page.title in index.nearest(page.title[:5] + page.title[6:], 3)


def test_no_passages() -> None:
    assert TitleIndex([]).get("x") is None
    assert TitleIndex([]).nearest("x", 3) == []
