"""Filter for questions that a corpus can answer.

Published question sets and corpora rarely fit. Questions whose answer is not in any page would
teach a model to give up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.environments.search.corpus import Passage, QuestionRow
from envgym.environments.search.extraction.text import bare_title
from envgym.environments.search.scoring import normalize_answer

_WORD = re.compile(r"\w[\w'’.-]*")


def verifiable(rows: Sequence[QuestionRow], passages: Sequence[Passage]) -> list[QuestionRow]:
    """Rows that name the title of a page and have an answer in some passage.

    A necessary condition, not a proof. Questions answered by yes or no never count, for the word
    stands everywhere; a title of one word counts only when the question writes it in the title's
    own case and not as its first word.
    """
    text = " \n ".join(normalize_answer(f"{page.title} {page.text}") for page in passages)
    padded = f" {text} "
    titles = {bare_title(page.title) for page in passages} | {page.title for page in passages}
    long = {normalize_answer(title) for title in titles if len(title.split()) > 1}
    short = {title for title in titles if len(title.split()) == 1}
    longest = max((len(title.split()) for title in long), default=0)
    return [
        row
        for row in rows
        if _names_a_title(row.question, long, short, longest)
        and any(_stands(answer, padded) for answer in row.answers)
    ]


def _stands(answer: str, padded: str) -> bool:
    normalised = normalize_answer(answer)
    return normalised not in ("yes", "no", "") and f" {normalised} " in padded


def _names_a_title(question: str, long: set[str], short: set[str], longest: int) -> bool:
    # A possessive ("Silent River's director") must not hide the title.
    plain = re.sub(r"['’]s\b", "", question)
    words = normalize_answer(plain).split()
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + longest) + 1):
            if " ".join(words[start:end]) in long:
                return True
    later = _WORD.findall(plain)[1:]
    return any(word.rstrip(".") in short and not word.islower() for word in later)
