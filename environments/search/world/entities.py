"""Entities of a generated world: people in families, works, companies, cities and countries.

People form three generations of married couples with children, so that family relations chain;
children carry the father's family name, which gives every person some namesakes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from envgym.environments.search.world.names import Namer

_ALIAS_CHANCE = 0.15
_MAKERS = {"film": "a film director", "novel": "a novelist", "album": "a singer"}
_MAKER_RELATIONS = {"film": "director", "novel": "author", "album": "performer"}
_PUBLISHER_RELATIONS = {"film": "producer", "novel": "publisher", "album": "label"}
_OCCUPATIONS = (
    *_MAKERS.values(),
    "a politician",
    "an entrepreneur",
    "an engineer",
    "a teacher",
)
_GENERATIONS = (0.4, 0.35, 0.25)


@dataclass
class Entity:
    """One subject of the encyclopedia; `facts` maps relation names to objects."""

    title: str
    kind: str
    alias: str = ""
    gender: str = ""
    occupation: str = ""
    facts: dict[str, str] = field(default_factory=dict)


def populate(size: int, rng: random.Random) -> list[Entity]:
    """Exactly `size` (at least 40) entities with all their facts, in no meaningful order."""
    namer = Namer(rng)
    countries = [Entity(namer.country(), "country") for _ in range(max(2, size // 50))]
    cities = [Entity(namer.city(), "city") for _ in range(max(4, size // 10))]
    companies = [Entity(namer.company(), "company") for _ in range(max(4, size // 10))]
    people = _people(size * 2 // 5, namer, rng)
    places = len(countries) + len(cities) + len(companies)
    works = _works(size - places - len(people), people, companies, cities, namer, rng)
    _govern(countries, cities, people, rng)
    _settle(people, cities, companies, rng)
    _found(companies, people, cities, rng)
    entities = [*countries, *cities, *companies, *people, *works]
    for entity in entities:
        if rng.random() < _ALIAS_CHANCE:
            entity.alias = _alias(entity, namer)
    return entities


def _people(count: int, namer: Namer, rng: random.Random) -> list[Entity]:
    sizes = [round(count * share) for share in _GENERATIONS[:-1]]
    sizes.append(count - sum(sizes))
    families = [namer.family() for _ in range(max(3, sizes[0] // 3))]
    everyone: list[Entity] = []
    couples: list[tuple[Entity, Entity]] = []
    for generation, generation_size in enumerate(sizes):
        newcomers: list[Entity] = []
        for place in range(generation_size):
            gender = ("female", "male")[place % 2]
            if generation == 0:
                family, parents, year = rng.choice(families), {}, rng.randint(1890, 1910)
            else:
                mother, father = rng.choice(couples)
                family = father.title.split()[-1]
                parents = {"mother": mother.title, "father": father.title}
                elder = max(int(mother.facts["birth_year"]), int(father.facts["birth_year"]))
                year = elder + rng.randint(20, 36)
            name = namer.person(gender, family)
            facts = {"birth_year": str(year), **parents}
            newcomers.append(Entity(name, "person", gender=gender, facts=facts))
        # In the smallest worlds a generation may be all siblings: then its parents go on.
        couples = _marry(newcomers, rng) or couples
        everyone += newcomers
    offset = rng.randrange(len(_OCCUPATIONS))
    for place, person in enumerate(rng.sample(everyone, len(everyone))):
        person.occupation = _OCCUPATIONS[(place + offset) % len(_OCCUPATIONS)]
    return everyone


def _marry(generation: list[Entity], rng: random.Random) -> list[tuple[Entity, Entity]]:
    women = [person for person in generation if person.gender == "female"]
    men = [person for person in generation if person.gender == "male"]
    rng.shuffle(women)
    couples: list[tuple[Entity, Entity]] = []
    for woman in women[: max(1, len(women) * 3 // 4)]:  # the others stay single
        husband = next((man for man in men if not _siblings(woman, man)), None)
        if husband is not None:
            men.remove(husband)
            woman.facts["spouse"], husband.facts["spouse"] = husband.title, woman.title
            couples.append((woman, husband))
    return couples


def _siblings(one: Entity, other: Entity) -> bool:
    return "mother" in one.facts and one.facts["mother"] == other.facts.get("mother")


def _works(
    count: int,
    people: list[Entity],
    companies: list[Entity],
    cities: list[Entity],
    namer: Namer,
    rng: random.Random,
) -> list[Entity]:
    makers = {
        kind: [person for person in people if person.occupation == occupation]
        for kind, occupation in _MAKERS.items()
    }
    works = []
    for place in range(count):
        kind = ("film", "novel", "film", "album")[place % 4]
        maker = rng.choice(makers[kind])
        facts = {
            "release_year": str(int(maker.facts["birth_year"]) + rng.randint(22, 40)),
            _MAKER_RELATIONS[kind]: maker.title,
            _PUBLISHER_RELATIONS[kind]: rng.choice(companies).title,
        }
        if kind == "film":
            facts["filmed_in"] = rng.choice(cities).title
        works.append(Entity(namer.work(), kind, facts=facts))
    return works


def _govern(
    countries: list[Entity], cities: list[Entity], people: list[Entity], rng: random.Random
) -> None:
    politicians = [person for person in people if person.occupation == "a politician"]
    for place, city in enumerate(cities):
        country = countries[place % len(countries)]
        city.facts |= {"country": country.title, "mayor": rng.choice(politicians).title}
        country.facts.setdefault("capital", city.title)
    for country in countries:
        country.facts["president"] = rng.choice(politicians).title


def _settle(
    people: list[Entity], cities: list[Entity], companies: list[Entity], rng: random.Random
) -> None:
    for person in people:
        person.facts["birthplace"] = rng.choice(cities).title
        if rng.random() < 0.5:
            person.facts["employer"] = rng.choice(companies).title


def _found(
    companies: list[Entity], people: list[Entity], cities: list[Entity], rng: random.Random
) -> None:
    founders = [person for person in people if person.occupation == "an entrepreneur"]
    for company in companies:
        founder = rng.choice(founders)
        year = int(founder.facts["birth_year"]) + rng.randint(24, 40)
        company.facts |= {"founder": founder.title, "founding_year": str(year)}
        company.facts["headquarters"] = rng.choice(cities).title


def _alias(entity: Entity, namer: Namer) -> str:
    if entity.kind == "person":
        return namer.person(entity.gender, namer.family())
    if entity.kind in _MAKERS:
        return namer.work()
    return getattr(namer, entity.kind)()
