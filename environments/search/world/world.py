"""Generated encyclopedia: train and grade search without a download.

Its content is fictional: a model cannot answer from memory and has to search. Pages are written
from typed facts, so every question has one known answer and a sentence that proves it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from envgym.environments.search.corpus import Passage
from envgym.environments.search.world.entities import Entity, populate
from envgym.environments.search.world.relations import RELATIONS, WORKS
from envgym.environments.search.world.templates import page

MIN_SIZE = 40


@dataclass(frozen=True)
class Fact:
    """subject --relation--> object, and the sentence of the subject's page that states it."""

    subject: str
    relation: str
    object: str
    sentence: str


@dataclass(frozen=True)
class World:
    """Pages and the facts behind them; equal arguments give equal worlds.

    `phrasings` (1 to 3) is how many wordings of a fact, and of a question about it, are in use: one
    makes reading easy, three makes it a matter of understanding.
    """

    seed: int
    size: int
    passages: list[Passage]
    facts: list[Fact]
    kinds: Mapping[str, str]  # title -> kind
    aliases: Mapping[str, str]  # title -> its other name, where it has one
    phrasings: int = 3

    @classmethod
    def generate(cls, seed: int, size: int, phrasings: int = 3) -> World:
        """A world of `size` pages. Raises ValueError for a size below MIN_SIZE."""
        if not 1 <= phrasings <= 3:
            raise ValueError(f"phrasings is {phrasings}: use 1, 2 or 3")
        if size < MIN_SIZE:
            raise ValueError(f"size is {size}: a world needs at least {MIN_SIZE} pages")
        rng = random.Random(f"world:{seed}:{size}")
        entities = populate(size, rng)
        rng.shuffle(entities)
        lookalikes = _lookalikes(entities, rng)
        passages: list[Passage] = []
        facts: list[Fact] = []
        for number, entity in enumerate(entities):
            sentences, support = page(
                entity.kind,
                entity.title,
                entity.facts,
                rng,
                gender=entity.gender,
                occupation=entity.occupation,
                alias=entity.alias,
                lookalike=lookalikes.get(entity.title, ""),
                phrasings=phrasings,
            )
            passages.append(Passage(str(number), entity.title, " ".join(sentences)))
            facts += [
                Fact(entity.title, relation, target, support[relation])
                for relation, target in entity.facts.items()
            ]
        kinds = {entity.title: entity.kind for entity in entities}
        aliases = {entity.title: entity.alias for entity in entities if entity.alias}
        return cls(seed, size, passages, facts, kinds, aliases, phrasings)

    def facts_about(self, title: str) -> Mapping[str, Fact]:
        """Facts with that page as subject, by relation; empty for a literal."""
        return self._by_subject.get(title, {})

    def page(self, title: str) -> Passage:
        """The page of that title. Raises KeyError when there is none."""
        return self._pages[title]

    def golds(self, fact: Fact) -> tuple[str, ...]:
        """Accepted names of the fact's object: its title and, if any, its alias."""
        if RELATIONS[fact.relation].object is None or fact.object not in self.aliases:
            return (fact.object,)
        return (fact.object, self.aliases[fact.object])

    @cached_property
    def _by_subject(self) -> dict[str, dict[str, Fact]]:
        grouped: dict[str, dict[str, Fact]] = {}
        for fact in self.facts:
            grouped.setdefault(fact.subject, {})[fact.relation] = fact
        return grouped

    @cached_property
    def _pages(self) -> dict[str, Passage]:
        return {passage.title: passage for passage in self.passages}


def _lookalikes(entities: list[Entity], rng: random.Random) -> dict[str, str]:
    """Page with a similar title, per person or work that has one."""
    sharing: dict[tuple[bool, str], list[str]] = {}
    named = [entity for entity in entities if entity.kind == "person" or entity.kind in WORKS]
    for entity in named:
        for word in entity.title.split():
            sharing.setdefault((entity.kind == "person", word), []).append(entity.title)
    found: dict[str, str] = {}
    for entity in named:
        word = rng.choice([word for word in entity.title.split() if word != "The"])
        others = sharing[entity.kind == "person", word]
        if len(others) > 1:
            place = others.index(entity.title)
            found[entity.title] = others[(place + rng.randrange(1, len(others))) % len(others)]
    return found
