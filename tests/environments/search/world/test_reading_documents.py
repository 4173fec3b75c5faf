from __future__ import annotations

import itertools

from envgym.environments.search.world.reading_documents import FIRST_WORLD, fact_sheets


def text_of(document: list[tuple[str, bool]]) -> str:
    return "".join(text for text, _ in document)


def test_what_is_learnt_stands_before_it() -> None:
    for document in itertools.islice(fact_sheets(0), 200):
        before = ""
        for text, learnt in document:
            if learnt:
                assert text.strip() in before
            before += text


def test_same_seed_same_documents() -> None:
    one, two = (list(itertools.islice(fact_sheets(3), 20)) for _ in range(2))
    assert one == two
    assert one != list(itertools.islice(fact_sheets(4), 20))


def test_no_document_asks_a_question() -> None:
    for document in itertools.islice(fact_sheets(0), 200):
        assert "?" not in text_of(document)


def test_worlds_are_far_from_the_seeds_people_use() -> None:
    assert FIRST_WORLD > 1_000_000
