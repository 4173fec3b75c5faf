"""Passages and questions from files, in the formats of published corpora.

Passages come in two formats: separate title and text (2WikiMultiHopQA, HotpotQA), and one
`contents` string whose first line is the title (Pyserini, FlashRAG, Search-R1). Question files
differ in the names of their keys. All are read without conversion.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envgym.environments.rows import RowError, read_rows

__all__ = ["Passage", "QuestionRow", "RowError", "load_corpus", "load_questions"]

_QUESTION_KEYS = ("question", "Question", "query")
_ANSWER_KEYS = ("answer", "Answer", "answers", "golden_answers", "target", "possible_answers")
_ALIAS_KEYS = ("aliases", "answer_aliases", "answers_aliases", "o_aliases", "possible_answers")


@dataclass(frozen=True)
class Passage:
    """One retrievable page or paragraph."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class QuestionRow:
    """One question of a file with its accepted answers and its data set."""

    id: str
    question: str
    answers: tuple[str, ...]
    source: str


def load_corpus(path: str | Path) -> list[Passage]:
    """Read passages from a JSON list or JSONL file (plain or .gz), in file order.

    A row is {"title", "text"} or {"contents"} (first line the title, perhaps in double quotes);
    "id" may be left out and is then the running index. Raises RowError when malformed.
    """
    passages: list[Passage] = []
    seen: set[str] = set()
    for where, row in read_rows(path):
        identifier = _identifier(where, row, len(passages))
        if identifier in seen:
            problem = f"the id {identifier!r} stands twice"
            raise RowError(where, problem, "give each passage an id of its own, or none at all")
        seen.add(identifier)
        passages.append(_passage(where, row, identifier))
    if not passages:
        raise RowError(Path(path).name, "no passage in it", "give it at least one row")
    return passages


def load_questions(path: str | Path) -> list[QuestionRow]:
    """Read questions from a JSON list or JSONL file (plain or .gz), in file order.

    The question stands under question/Question/query, its answers under answer/answers/
    golden_answers/target/possible_answers: a string, a list, a list as JSON text (PopQA) or an
    object with "value" and "aliases" (TriviaQA) or "text" (SQuAD). Published aliases of the answer
    (aliases, answer_aliases, o_aliases, possible_answers) are accepted too. "id" defaults to the
    running index and "source" to the file's name without suffixes. Raises RowError when malformed.
    """
    default_source = Path(path).name.split(".")[0]
    rows: list[QuestionRow] = []
    for where, row in read_rows(path):
        question = _text(where, row, _present(where, row, _QUESTION_KEYS))
        answers = _answers(where, row)
        source = str(row.get("source") or default_source)
        rows.append(QuestionRow(_identifier(where, row, len(rows)), question, answers, source))
    return rows


def _passage(where: str, row: Mapping[str, Any], identifier: str) -> Passage:
    if "contents" in row and "title" not in row:
        title, _, text = _text(where, row, "contents").partition("\n")
        title = title.strip()
        if len(title) >= 2 and title[0] == title[-1] == '"':
            title = title[1:-1].strip()
        return Passage(identifier, title, text.strip())
    for key in ("title", "text"):
        _present(where, row, (key,))
    return Passage(identifier, _text(where, row, "title"), _text(where, row, "text"))


def _identifier(where: str, row: Mapping[str, Any], index: int) -> str:
    identifier = row.get("id", index)
    if isinstance(identifier, bool) or not isinstance(identifier, str | int):
        problem = f'"id" is a {type(identifier).__name__}'
        raise RowError(where, problem, "write a string or a whole number, or leave it out")
    try:
        return str(identifier)
    except ValueError:  # more digits than Python's conversion limit
        problem = '"id" is a number of thousands of digits'
        raise RowError(where, problem, "write it as a string") from None


def _present(where: str, row: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        if key in row:
            return key
    found = ", ".join(map(str, row)) or "none"
    wanted = " or ".join(f'"{key}"' for key in keys)
    raise RowError(where, f"no key {wanted} (its keys: {found})", "rename or add the key")


def _text(where: str, row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    if not isinstance(value, str) or not value.strip():
        problem = f'"{key}" is {"empty" if isinstance(value, str) else type(value).__name__}'
        raise RowError(where, problem, "write a string that says something, or drop the row")
    return value.strip()


def _answers(where: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    key = _present(where, row, _ANSWER_KEYS)
    values = _texts(row[key])
    if not values:
        problem = f'"{key}" holds no usable answer ({row[key]!r:.60})'
        raise RowError(where, problem, "write a string, or a list of at least one string")
    for key in _ALIAS_KEYS:
        if row.get(key):
            aliases = _texts(row[key])
            if aliases is None:
                problem = f'"{key}" is no list of strings ({row[key]!r:.60})'
                raise RowError(where, problem, "write a list of strings, or leave it out")
            values += aliases
    return tuple(dict.fromkeys(values))


def _texts(value: Any) -> list[str] | None:
    """Answers in a field, or None where one of them is no text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(ValueError, RecursionError):
            listed = json.loads(value)
            value = listed if isinstance(listed, list) else value
    if isinstance(value, Mapping):
        parts = [_texts(value[key]) for key in ("value", "text", "aliases") if value.get(key)]
        return None if None in parts else [text for part in parts for text in part or ()]
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) and text.strip() for text in values):
        return None
    return [text.strip() for text in values]
