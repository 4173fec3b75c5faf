"""Typed relations of a generated world, with their wording in questions.

Every relation is functional (one object per subject), so a chain of them has exactly one answer. A
possessive phrase is used around a plain title only: "Silent River's director" is clear, "the
director of Silent River's mother" is not.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

KINDS = ("person", "film", "novel", "album", "city", "country", "company")
WORKS = ("film", "novel", "album")


@dataclass(frozen=True)
class Relation:
    """Relation from pages of some kinds to pages of one kind, or to a literal (object None).

    `questions` ask for the object of {x}; `nouns` stand for it inside a longer question.
    """

    name: str
    subjects: tuple[str, ...]
    object: str | None
    questions: tuple[str, ...]
    nouns: tuple[str, ...] = ()

    def question(self, x: str, plain: bool, rng: random.Random, phrasings: int = 3) -> str:
        """One of the first `phrasings` questions about x: a title if plain, else a noun phrase."""
        return _choose(self.questions[:phrasings], plain, rng).format(x=x)

    def noun(self, x: str, plain: bool, rng: random.Random, phrasings: int = 3) -> str:
        """One of the first `phrasings` noun phrases for the object of x."""
        return _choose(self.nouns[:phrasings], plain, rng).format(x=x)


def _choose(phrases: tuple[str, ...], plain: bool, rng: random.Random) -> str:
    return rng.choice([phrase for phrase in phrases if plain or "{x}'s" not in phrase])


_ALL = (
    Relation(
        "director",
        ("film",),
        "person",
        ("Who directed {x}?", "Who is the director of {x}?", "By whom was {x} directed?"),
        ("the director of {x}", "the person who directed {x}", "{x}'s director"),
    ),
    Relation(
        "author",
        ("novel",),
        "person",
        ("Who wrote {x}?", "Who is the author of {x}?", "By whom was {x} written?"),
        ("the author of {x}", "the person who wrote {x}", "{x}'s author"),
    ),
    Relation(
        "performer",
        ("album",),
        "person",
        ("Who recorded {x}?", "Who is the performer of {x}?", "By whom was {x} recorded?"),
        ("the performer of {x}", "the singer who recorded {x}", "{x}'s performer"),
    ),
    Relation(
        "release_year",
        WORKS,
        None,
        (
            "In what year did {x} come out?",
            "When was {x} released?",
            "What is the release year of {x}?",
        ),
    ),
    Relation(
        "filmed_in",
        ("film",),
        "city",
        (
            "In which city was {x} filmed?",
            "Where was {x} shot?",
            "What is the filming location of {x}?",
        ),
        ("the city where {x} was filmed", "the filming location of {x}", "{x}'s filming location"),
    ),
    Relation(
        "producer",
        ("film",),
        "company",
        (
            "Which company produced {x}?",
            "By which company was {x} produced?",
            "What is the production company of {x}?",
        ),
        ("the company that produced {x}", "the production company of {x}", "{x}'s producer"),
    ),
    Relation(
        "publisher",
        ("novel",),
        "company",
        (
            "Which company published {x}?",
            "Who is the publisher of {x}?",
            "By which company was {x} published?",
        ),
        ("the publisher of {x}", "the company that published {x}", "{x}'s publisher"),
    ),
    Relation(
        "label",
        ("album",),
        "company",
        (
            "Which label released {x}?",
            "What is the record label of {x}?",
            "On which label did {x} appear?",
        ),
        ("the record label of {x}", "the label that released {x}", "{x}'s record label"),
    ),
    Relation(
        "mother",
        ("person",),
        "person",
        (
            "Who is the mother of {x}?",
            "Who is {x}'s mother?",
            "What is the mother of {x} called?",
        ),
        ("the mother of {x}", "the woman whose child is {x}", "{x}'s mother"),
    ),
    Relation(
        "father",
        ("person",),
        "person",
        (
            "Who is the father of {x}?",
            "Who is {x}'s father?",
            "What is the father of {x} called?",
        ),
        ("the father of {x}", "the man whose child is {x}", "{x}'s father"),
    ),
    Relation(
        "spouse",
        ("person",),
        "person",
        ("Who is the spouse of {x}?", "Who is {x} married to?", "To whom is {x} married?"),
        ("the spouse of {x}", "the person married to {x}", "{x}'s spouse"),
    ),
    Relation(
        "birthplace",
        ("person",),
        "city",
        (
            "In which city was {x} born?",
            "Where was {x} born?",
            "What is the birthplace of {x}?",
        ),
        ("the birthplace of {x}", "the city where {x} was born", "{x}'s birthplace"),
    ),
    Relation(
        "birth_year",
        ("person",),
        None,
        (
            "In what year was {x} born?",
            "When was {x} born?",
            "What is the birth year of {x}?",
        ),
    ),
    Relation(
        "employer",
        ("person",),
        "company",
        (
            "Which company does {x} work for?",
            "Who is the employer of {x}?",
            "What company employs {x}?",
        ),
        ("the employer of {x}", "the company that employs {x}", "{x}'s employer"),
    ),
    Relation(
        "founder",
        ("company",),
        "person",
        ("Who founded {x}?", "Who is the founder of {x}?", "By whom was {x} founded?"),
        ("the founder of {x}", "the person who founded {x}", "{x}'s founder"),
    ),
    Relation(
        "headquarters",
        ("company",),
        "city",
        (
            "In which city does {x} have its headquarters?",
            "Where is the head office of {x}?",
            "What city is the seat of {x}?",
        ),
        ("the city where {x} is based", "the headquarters city of {x}", "{x}'s home city"),
    ),
    Relation(
        "founding_year",
        ("company",),
        None,
        (
            "In what year was {x} founded?",
            "When was {x} founded?",
            "What is the founding year of {x}?",
        ),
    ),
    Relation(
        "country",
        ("city",),
        "country",
        (
            "In which country is {x}?",
            "Which country does {x} belong to?",
            "What is the country of {x}?",
        ),
        ("the country of {x}", "the country that has {x} in it", "{x}'s country"),
    ),
    Relation(
        "mayor",
        ("city",),
        "person",
        (
            "Who is the mayor of {x}?",
            "Who governs {x} as mayor?",
            "What is the mayor of {x} called?",
        ),
        ("the mayor of {x}", "the person who is mayor of {x}", "{x}'s mayor"),
    ),
    Relation(
        "capital",
        ("country",),
        "city",
        (
            "What is the capital of {x}?",
            "Which city is the capital of {x}?",
            "What is the name of the capital of {x}?",
        ),
        ("the capital of {x}", "the capital city of {x}", "{x}'s capital"),
    ),
    Relation(
        "president",
        ("country",),
        "person",
        (
            "Who is the president of {x}?",
            "Who leads {x} as president?",
            "What is the name of the president of {x}?",
        ),
        ("the president of {x}", "the person who is president of {x}", "{x}'s president"),
    ),
)

RELATIONS: dict[str, Relation] = {relation.name: relation for relation in _ALL}
