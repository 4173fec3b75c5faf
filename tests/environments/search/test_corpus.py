"""Files of passages and questions: every accepted shape, and messages that say the fix."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from envgym.environments.search.corpus import (
    Passage,
    QuestionRow,
    RowError,
    load_corpus,
    load_questions,
)

LONG, DEEP = "9" * 5000, "[" * 100_000  # a number, a nesting that json does not read


def test_titles_and_texts_in_a_list_or_in_lines(tmp_path: Path) -> None:
    rows = [{"title": "A", "text": "first"}, {"id": "x7", "title": "B", "text": "second"}]
    expected = [Passage("0", "A", "first"), Passage("x7", "B", "second")]
    (tmp_path / "c.json").write_text(json.dumps(rows, indent=1))
    (tmp_path / "c.jsonl").write_text("\n\n".join(json.dumps(row) for row in rows))
    with gzip.open(tmp_path / "c.jsonl.gz", "wt") as stream:
        stream.write("\n".join(json.dumps(row) for row in rows))
    for name in ("c.json", "c.jsonl", "c.jsonl.gz"):
        assert load_corpus(tmp_path / name) == expected


def test_contents_begin_with_the_title(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(
        '{"id": 5, "contents": "\\"Evan Morris\\"\\nHe was a lobbyist.\\nMore."}\n'
        '{"contents": "Bare\\nText."}\n'
    )
    assert load_corpus(path) == [
        Passage("5", "Evan Morris", "He was a lobbyist.\nMore."),
        Passage("1", "Bare", "Text."),
    ]


def test_question_keys(tmp_path: Path) -> None:
    path = tmp_path / "nq.test.jsonl"
    path.write_text(
        '{"Question": "Q1?", "answer": "one"}\n'
        '{"id": "b", "question": "Q2?", "golden_answers": ["x", "y", "x"], "source": "nq"}\n'
        '{"query": "Q3?", "target": ["z"]}\n'
    )
    assert load_questions(path) == [
        QuestionRow("0", "Q1?", ("one",), "nq"),
        QuestionRow("b", "Q2?", ("x", "y"), "nq"),
        QuestionRow("2", "Q3?", ("z",), "nq"),
    ]


@pytest.mark.parametrize(
    ("row", "answers"),
    [
        ({"answer": ["A", "B"], "aliases": ["C"]}, ("A", "B", "C")),
        ({"answer": "A", "answer_aliases": ["B", "A"]}, ("A", "B")),
        ({"golden_answers": ["A"], "aliases": None}, ("A",)),
        ({"obj": "A", "possible_answers": '["A", "B"]', "o_aliases": '["C"]'}, ("A", "B", "C")),
        ({"answer": {"value": "A", "aliases": ["B"], "matched_wiki_entity_name": ""}}, ("A", "B")),
        ({"answers": {"text": ["A", "B"], "answer_start": [1, 2]}}, ("A", "B")),
        ({"answer": "[sic] no list"}, ("[sic] no list",)),
    ],
)
def test_published_aliases_are_read(
    tmp_path: Path, row: dict[str, object], answers: tuple[str, ...]
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"question": "Q?", **row}))
    assert load_questions(path)[0].answers == answers


def test_aliases_that_are_no_texts_are_named(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "Q?", "answer": "A", "aliases": [1]}')
    with pytest.raises(RowError, match=r'line 1: "aliases" is no list of strings'):
        load_questions(path)


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ('{"title": "A", "text": "t"}\n{"title": "B", text}', "bad.json line 2", "not valid JSON"),
        ('{"title": "A", "text": "t"}\n["B"]', "bad.json line 2", "a list where an object"),
        ('[{"title": "A", "text": "t"}, {"title": "B"}]', "bad.json row 1", 'no key "text"'),
        ('[{"title": "A", "text": 4}]', "bad.json row 0", '"text" is int'),
        ('[{"title": "", "text": "t"}]', "bad.json row 0", '"title" is empty'),
        ('[{"title": "A",\n "text": "t"},\n]', "bad.json line", "not valid JSON"),
        ('{"id": [], "title": "A", "text": "t"}', "bad.json line 1", '"id" is a list'),
        ('[{"id": 1, "contents": "T\\nx"}, {"id": "1", "contents": "U\\ny"}]', "row 1", "twice"),
        ('{"contents": null}', "bad.json line 1", '"contents" is NoneType'),
        ("", "bad.json", "no passage"),
        pytest.param(f'{{"id": {LONG}}}', "bad.json line 1", "is a number of", id="long"),
        pytest.param(f'{{"id": {DEEP}', "bad.json line 1", "not readable JSON", id="deep"),
        pytest.param(f'[{{"id": {LONG}}}]', "bad.json", "is a number of", id="long, listed"),
    ],
)
def test_a_malformed_corpus_says_where_and_what(
    tmp_path: Path, content: str, where: str, what: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(RowError) as caught:
        load_corpus(path)
    message = str(caught.value)
    assert where in message
    assert what in message
    assert "; " in message  # the fix follows
    assert "\n" not in message


def test_other_damage(tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes('[{"title": "é", "text": "t"}]'.encode("latin-1"))
    (tmp_path / "plain.jsonl.gz").write_text("{}")
    (tmp_path / "q.json").write_text('[{"question": "Q?", "answer": []}]')
    with pytest.raises(RowError, match="save it as UTF-8"):
        load_corpus(tmp_path / "latin.json")
    with pytest.raises(RowError, match="not a whole gzip file"):
        load_corpus(tmp_path / "plain.jsonl.gz")
    with pytest.raises(RowError, match="no usable answer"):
        load_questions(tmp_path / "q.json")
    assert issubclass(RowError, ValueError)


def test_real_files(data: Callable[[str], Path]) -> None:
    passages = load_corpus(data("2wiki/corpus.json"))
    assert len(passages) == 6119
    assert passages[0].title == "Teutberga"
    questions = load_questions(data("2wiki/questions.json"))
    assert len(questions) == 500
    assert questions[0].answers == ("Tetisheri",)
    bamboogle = load_questions(data("bamboogle/bamboogle.json"))
    assert len(bamboogle) == 125
    assert bamboogle[0].source == "bamboogle"
