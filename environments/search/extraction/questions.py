"""Questions from the passages of a real corpus, so that any encyclopedia can be trained on.

Conservative patterns extract facts from opening sentences. Facts chain where the object of one
unambiguously names the page of another. Every question carries the sentences that prove it.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from envgym.environments.search.corpus import Passage
from envgym.environments.search.extraction.fact import Found
from envgym.environments.search.extraction.parents import parents_of
from envgym.environments.search.extraction.people import country_of, is_person, life_of
from envgym.environments.search.extraction.text import bare_title
from envgym.environments.search.extraction.works import credits_of
from envgym.environments.search.question import Question, Step, mentions
from envgym.environments.search.retrieval.titles import title_key
from envgym.environments.search.world.relations import Relation

_ANY = ("page",)
_ALL = (
    Relation(
        "director",
        _ANY,
        "page",
        ("Who directed {x}?", "Who is the director of {x}?", "By whom was {x} directed?"),
        ("the director of {x}", "the person who directed {x}"),
    ),
    Relation(
        "writer",
        _ANY,
        "page",
        ("Who wrote {x}?", "Who is the writer of {x}?", "By whom was {x} written?"),
        ("the writer of {x}", "the person who wrote {x}"),
    ),
    Relation(
        "composer",
        _ANY,
        "page",
        ("Who composed the music of {x}?", "Who is the composer of the music of {x}?"),
        ("the composer of the music of {x}", "the person who composed the music of {x}"),
    ),
    Relation(
        "performer",
        _ANY,
        "page",
        ("Who recorded {x}?", "Who is the performer of {x}?", "By whom was {x} recorded?"),
        ("the performer of {x}", "the artist who recorded {x}"),
    ),
    Relation(
        "father",
        _ANY,
        "page",
        ("Who is the father of {x}?", "Who was the father of {x}?"),
        ("the father of {x}",),
    ),
    Relation(
        "mother",
        _ANY,
        "page",
        ("Who is the mother of {x}?", "Who was the mother of {x}?"),
        ("the mother of {x}",),
    ),
    Relation("release_year", _ANY, None, ("In what year did {x} come out?",)),
    Relation(
        "birth_date",
        _ANY,
        None,
        ("When was {x} born?",),
    ),
    Relation(
        "death_date",
        _ANY,
        None,
        ("When did {x} die?",),
    ),
    Relation(
        "birthplace",
        _ANY,
        None,
        ("Where was {x} born?", "What is the birthplace of {x}?"),
    ),
    Relation(
        "nationality",
        _ANY,
        None,
        ("What is the nationality of {x}?", "What nationality is {x}?"),
    ),
    Relation("country", _ANY, None, ("In which country is {x}?", "What country is {x} in?")),
)
EXTRACTED_RELATIONS: dict[str, Relation] = {relation.name: relation for relation in _ALL}
MAX_EXTRACTED_HOPS = 3

# Words of a trade, one of which a person's page must contain, to rule out namesakes.
_TRADE = {
    "director": re.compile(r"direct|film|actor|actress|screen"),
    "writer": re.compile(r"writ|wrote|direct|film|author|novel|screen|poet|lyric|song|singer|play"),
    "composer": re.compile(r"compos|music"),
    "performer": re.compile(r"\bband|sing|music|rap|album|song"),
}


@dataclass(frozen=True)
class PageFact:
    """Fact found on a page, with the page that its object names, if the corpus has it."""

    page: Passage
    found: Found
    target: Passage | None


def extract_facts(passages: Sequence[Passage]) -> list[PageFact]:
    """All facts that the patterns find, in corpus order, at most one per page and relation."""
    resolver = _Resolver(passages)
    facts: list[PageFact] = []
    for page in passages:
        if not page.text.strip():
            continue
        found = [*credits_of(page), *country_of(page)]
        found = found or [*life_of(page), *parents_of(page, resolver.person)]
        facts += [PageFact(page, item, _target(page, item, resolver)) for item in found]
    return facts


def extract_questions(passages: Sequence[Passage], seed: int = 0) -> list[Question]:
    """All questions of one to MAX_EXTRACTED_HOPS hops from the passages, for both splits.

    Shuffled by the seed; the same passages and seed give the same list, without duplicates. The
    split of a question is `split_of` its first step's subject.
    """
    by_title: dict[str, list[PageFact]] = {}
    for fact in extract_facts(passages):
        by_title.setdefault(fact.page.title, []).append(fact)
    bare = Counter(title_key(bare_title(page.title)) for page in passages)
    questions: dict[str, Question] = {}
    for title in by_title:
        # The disambiguation of "Belle (album)" is dropped if no other page has the bare title.
        name = bare_title(title)
        name = name if bare[title_key(name)] == 1 else title
        for path in _paths(by_title, title):
            question = _phrase(name, path, seed)
            if not mentions(question.text, question.golds):
                questions.setdefault(question.text, question)
    ordered = list(questions.values())
    random.Random(f"extracted:{seed}").shuffle(ordered)
    return ordered


class _Resolver:
    """Lookup of the unique page for a name; None where no page or several carry it."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._pages: dict[str, list[Passage]] = {}
        for page in passages:
            self._pages.setdefault(title_key(bare_title(page.title)), []).append(page)

    def person(self, name: str) -> Passage | None:
        pages = self._pages.get(title_key(name), [])
        return pages[0] if len(pages) == 1 and pages[0].text.strip() else None


def _target(page: Passage, found: Found, resolver: _Resolver) -> Passage | None:
    if EXTRACTED_RELATIONS[found.relation].object is None:
        return None
    names = (found.object, *found.golds)
    pages = {target.id: target for name in names if (target := resolver.person(name))}
    if len(pages) != 1:
        return None
    target = next(iter(pages.values()))
    trade = _TRADE.get(found.relation)
    if target.id == page.id or not is_person(target) or (trade and not trade.search(target.text)):
        return None
    return target


def _paths(
    by_title: Mapping[str, list[PageFact]], title: str, path: tuple[PageFact, ...] = ()
) -> Iterator[tuple[PageFact, ...]]:
    for fact in by_title.get(title, ()):
        # An answer on an earlier page would make the later page needless.
        texts = [step.page.text for step in path]
        if any(gold in text for gold in fact.found.golds for text in texts):
            continue
        longer = (*path, fact)
        yield longer
        if fact.target is not None and len(longer) < MAX_EXTRACTED_HOPS:
            yield from _paths(by_title, fact.target.title, longer)


def _phrase(name: str, path: tuple[PageFact, ...], seed: int) -> Question:
    relations = [EXTRACTED_RELATIONS[fact.found.relation] for fact in path]
    rng = random.Random(":".join([str(seed), name, *(relation.name for relation in relations)]))
    text = name
    for relation in relations[:-1]:
        text = relation.noun(text, False, rng)
    text = relations[-1].question(text, False, rng)
    last = path[-1]
    golds = last.found.golds
    if last.target is not None:
        golds = (*golds, last.target.title, bare_title(last.target.title))
    chain = tuple(
        Step(
            fact.page.title,
            fact.found.relation,
            fact.found.object,
            fact.page.title,
            fact.found.sentence,
        )
        for fact in path
    )
    return Question(text, tuple(dict.fromkeys(golds)), len(path), chain)
