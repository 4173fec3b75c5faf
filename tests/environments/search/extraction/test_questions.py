"""Questions drawn from text: hand-checked facts of real pages, traps that must yield nothing."""

from __future__ import annotations

from collections import Counter

import pytest

from envgym.environments.search.corpus import Passage
from envgym.environments.search.extraction.questions import extract_facts, extract_questions
from envgym.environments.search.extraction.text import date_golds, sentences
from envgym.environments.search.question import Question, mentions, split_of


def facts_of(text: str, title: str, *others: Passage) -> dict[str, str]:
    facts = extract_facts([Passage("0", title, text), *others])
    return {fact.found.relation: fact.found.object for fact in facts if fact.page.id == "0"}


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        (
            "Cold Sea (film)",
            "Cold Sea is a 1954 Danish drama film directed by Åse Holm and starring Bo Lind.",
            {"release_year": "1954", "director": "Åse Holm"},
        ),
        (
            "Cold Sea",
            "Cold Sea is a 1954 film written and directed by J. P. Holm Jr. and starring Bo Lind.",
            {"release_year": "1954", "director": "J. P. Holm Jr.", "writer": "J. P. Holm Jr."},
        ),
        (
            "Cold Sea",
            "Cold Sea is a 1954 film directed by Åse Holm and Bo Lind.",
            {"release_year": "1954"},
        ),
        (
            "Cold Sea",
            "Cold Sea is a 1954 film directed by Åse Holm, Bo Lind and Al Ek.",
            {"release_year": "1954"},
        ),
        ("Cold Sea", "Cold Sea is an upcoming 2031 film based on a play directed by Åse Holm.", {}),
        (
            "Cold Sea",
            "Cold Sea is a 1954 film directed by Åse Holm. It was co-directed by Bo Lind.",
            {"release_year": "1954"},
        ),
        (
            "Blue",
            '"Blue" is a song by American rock band The Tins from 1999.',
            {"performer": "The Tins"},
        ),
        ("Blue", '"Blue" is a song by singer Ann Lee and American rapper Bo Wu.', {}),
        ("Blue (disambiguation)", "Blue is an album by The Tins.", {}),
        (
            "Ann Lee",
            "Ann Lee( born 3 May 1901 in Oslo, Norway) was a Norwegian painter.",
            {
                "birth_date": "3 May 1901",
                "birthplace": "Oslo, Norway",
                "nationality": "Norwegian",
            },
        ),
        (
            "Ann Lee",
            "Ann Lee (May 3, 1901 – June 4, 1970) was an American-born Swedish painter.",
            {"birth_date": "May 3, 1901", "death_date": "June 4, 1970"},
        ),
        ("Ann Lee", "Ann Lee (c. 1401 – 3 May 1470) was an American football coach.", {}),
        ("Bo I", "Bo I (1541 – 1547) was a duke.", {}),
        ("Wye", "Wye is a village in Lublin County, Poland.", {"country": "Poland"}),
        ("Wye", "Wye is a village near the border with Poland.", {}),
    ],
)
def test_patterns(title: str, text: str, expected: dict[str, str]) -> None:
    assert facts_of(text, title) == expected


def test_parents_need_a_page_that_tells_or_the_word_wife() -> None:
    father = Passage("1", "Otto II", "Otto II was a duke. He ruled long.")
    mother = Passage("2", "Anna of Wye", "Anna of Wye was a duchess. She was pious.")
    text = "Bo Ek was a Swedish duke. He was the second son of Otto II and Anna of Wye."
    assert facts_of(text, "Bo Ek", father, mother) == {"father": "Otto II", "mother": "Anna of Wye"}
    assert facts_of(text, "Bo Ek") == {}
    # "Otto II" is not "Otto".
    assert facts_of(text, "Bo Ek", Passage("1", "Otto", "Otto was a duke. He ruled.")) == {}
    by_wife = "Bo Ek was a Swedish duke. He was a son of Al Ek and his wife Eva Lind."
    assert facts_of(by_wife, "Bo Ek") == {"father": "Al Ek", "mother": "Eva Lind"}
    (ranked,) = [
        fact.found.golds
        for fact in extract_facts([Passage("0", "Bo Ek", by_wife.replace("Al Ek", "Duke Al II"))])
        if fact.found.relation == "father"
    ]
    assert ranked == ("Duke Al II", "Al II")
    brother = "Bo Ek was a Swedish duke. He was the brother of Al, the son of Otto II."
    assert facts_of(brother, "Bo Ek", father) == {}


def test_a_chain_needs_one_page_and_an_answer_that_is_not_on_the_first() -> None:
    film = Passage("0", "Cold Sea", "Cold Sea is a 1954 Danish film directed by Ann Lee.")
    person = Passage("1", "Ann Lee", "Ann Lee (3 May 1901 – 4 June 1970) was a Danish director.")
    namesake = Passage("2", "Ann Lee (painter)", "Ann Lee (born 1980) is a Danish painter.")
    questions = {q.chain[-1].relation: q for q in extract_questions([film, person]) if q.hops == 2}
    assert set(questions) == {"birth_date", "death_date"}  # "Danish" stands on the film's page
    died = questions["death_date"]
    assert died.golds == ("4 June 1970", "June 4, 1970")
    assert [step.page for step in died.chain] == ["Cold Sea", "Ann Lee"]
    assert not [q for q in extract_questions([film, person, namesake]) if q.hops == 2]
    pitcher = Passage("1", "Ann Lee", "Ann Lee (3 May 1901 – 4 June 1970) was a Danish swimmer.")
    assert not [q for q in extract_questions([film, pitcher]) if q.hops == 2]


def test_brackets_are_dropped_only_where_nothing_else_is_meant() -> None:
    film = Passage("0", "Belle (film)", "Belle is a 1950 film directed by Ann Lee.")
    album = Passage("1", "Belle (album)", "Belle is the debut album by The Tins.")
    assert {q.text.count("(film)") for q in extract_questions([film])} == {0}
    assert all("(" in q.text for q in extract_questions([film, album]))


def test_sentences_and_dates() -> None:
    text = 'J. P. Holm Jr. (d. 1950) met Dr. Ek in St. Ives. He left. "Why?" is a song.'
    pieces = sentences(text)
    assert pieces[:2] == ["J. P. Holm Jr. (d. 1950) met Dr. Ek in St. Ives.", "He left."]
    assert all(piece in text for piece in pieces)
    assert date_golds("May 3,1901") == ("May 3, 1901", "3 May 1901")
    assert date_golds("3 May 1901") == ("3 May 1901", "May 3, 1901")
    assert date_golds("1901") == ("1901",)


@pytest.fixture(scope="module")
def real_questions(wiki_passages: list[Passage]) -> list[Question]:
    return extract_questions(wiki_passages)


def test_real_corpus_yields_thousands(
    real_questions: list[Question], wiki_passages: list[Passage]
) -> None:
    hops = Counter(question.hops for question in real_questions)
    assert hops[1] > 7000
    assert hops[2] > 1000
    texts = {page.title: page.text for page in wiki_passages}
    for question in real_questions:
        assert not mentions(question.text, question.golds)
        assert len(question.chain) == question.hops
        for step in question.chain:
            assert step.sentence in texts[step.page]
            assert step.object in step.sentence
    assert len({question.text for question in real_questions}) == len(real_questions)
    tested = sum(split_of(q.chain[0].subject) == "test" for q in real_questions)
    assert 0.15 < tested / len(real_questions) < 0.25


def test_hand_checked_facts(wiki_passages: list[Passage]) -> None:
    found = {
        (fact.page.title, fact.found.relation): fact.found.golds
        for fact in extract_facts(wiki_passages)
    }
    assert found["Empties", "director"][0] == "Jan Svěrák"
    assert ("Empties", "writer") not in found  # "written by his father Zdeněk Svěrák"
    assert found["Carl Boese", "death_date"] == ("6 July 1958", "July 6, 1958")
    assert found["Annett Rex", "nationality"] == ("German", "Germany")
    assert found["Talesa of Aragon", "father"][0] == "Sancho Ramírez, Count of Ribagorza"
    assert found["Tatiana Schlossberg", "mother"][0] == "Caroline Kennedy"
    assert found["Train in Vain", "performer"] == ("the Clash", "Clash")
    assert ("Changed It", "performer") not in found  # two performers
    assert ("Single Video Theory", "performer") not in found  # the album's, not the film's
    assert ("Jean Negulesco", "birth_date") not in found  # old style: two dates
    assert ("Wee Willie Walker", "birth_date") not in found  # "December 21 or 23"


def test_order_is_deterministic(wiki_passages: list[Passage]) -> None:
    few = wiki_passages[:300]
    assert extract_questions(few) == extract_questions(few)
    assert extract_questions(few, seed=1) != extract_questions(few)
