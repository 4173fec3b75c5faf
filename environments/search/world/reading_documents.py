"""Reading practice for pretraining: pages of generated worlds with the facts they state.

An untrained tiny model needs tens of thousands of examples before it finds a name on a page. These
documents provide them, from worlds whose seeds no environment uses by default. Question forms,
searching and stopping are left for the environment to teach.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from envgym.environments.search.world.world import Fact, World

FIRST_WORLD = 2_000_000  # seeds from here on are reserved for reading practice
_PAGES = 1000  # pages per world
_FACTS = 4  # maximum facts per document

Piece = tuple[str, bool]  # text, and whether it can be inferred from the text before it


def fact_sheets(seed: int = 0, first: int = FIRST_WORLD) -> Iterator[list[Piece]]:
    """Yield documents without end, about the worlds of the seeds from `first` on.

    A title and the relations to follow from it; then, in turn, what was reached and its page::

        Silent River: director, mother
        : Silent River
        [1] Silent River: Silent River is a 1974 film directed by Ada Moss. …
        : Ada Moss
        [1] Ada Moss: Ada Moss (born 1931 in Oroton) is a film director. …
        : Lena Moss
        Ada Moss, birthplace: Oroton
    """
    rng = random.Random(f"sheets:{seed}")
    for number in itertools.count(first):
        world = World.generate(number, _PAGES, phrasings=rng.choice((1, 1, 2, 3)))
        for passage in rng.sample(world.passages, _PAGES):
            yield _document(world, _walk(world, passage.title, rng.choice((1, 2)), rng), rng)


def _walk(world: World, title: str, hops: int, rng: random.Random) -> list[Fact]:
    path: list[Fact] = []
    while len(path) < hops and (facts := list(world.facts_about(title).values())):
        path.append(rng.choice(facts))
        title = path[-1].object
    return path


def _document(world: World, path: list[Fact], rng: random.Random) -> list[Piece]:
    start = path[0].subject
    pieces = [(f"{start}: {', '.join(_words(fact) for fact in path)}\n:", False)]
    for fact in path:
        page = world.page(fact.subject)
        pieces += [(f" {page.title}\n", True), (f"[1] {page.title}: {page.text}\n:", False)]
    pieces.append((f" {path[-1].object}\n", True))
    facts = [fact for step in path for fact in world.facts_about(step.subject).values()]
    for fact in rng.sample(facts, min(_FACTS, len(facts))):
        pieces += [(f"{fact.subject}, {_words(fact)}:", False), (f" {fact.object}\n", True)]
    return pieces


def _words(fact: Fact) -> str:
    return fact.relation.replace("_", " ")
