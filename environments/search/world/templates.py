"""Sentence templates of generated pages, several per fact so that no single pattern finds all.

A page opens with a sentence that names its subject. Further sentences state the remaining facts,
sometimes two at once; then come an alias, a look-alike that the page is not about, and filler
without facts, up to the length of a short encyclopedia entry.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from envgym.environments.search.world.relations import WORKS

MIN_WORDS, MAX_WORDS, MAX_SENTENCES = 25, 60, 5
_LOOKALIKE_CHANCE = 0.4

# kind -> its slots in order; a slot maps the relations a sentence states to its wordings.
Slot = Mapping[tuple[str, ...], tuple[str, ...]]
_SLOTS: dict[str, tuple[Slot, ...]] = {
    "film": (
        {
            ("release_year", "director"): (
                "{name} is a {release_year} film directed by {director}.",
                "{name} is a film by the director {director} that came out in {release_year}.",
                "Directed by {director}, the film {name} was released in {release_year}.",
            )
        },
        {
            ("filmed_in", "producer"): (
                "It was filmed in {filmed_in} and produced by {producer}.",
                "{producer} produced the film, which was shot on location in {filmed_in}.",
                "The film was made by {producer}, with {filmed_in} as its filming location.",
            )
        },
    ),
    "novel": (
        {
            ("release_year", "author"): (
                "{name} is a {release_year} novel by {author}.",
                "{name} is a novel written by {author} that first appeared in {release_year}.",
                "Written by {author}, the novel {name} came out in {release_year}.",
            )
        },
        {
            ("publisher",): (
                "It was published by {publisher}.",
                "{publisher} published the book.",
                "Its publisher is {publisher}.",
            )
        },
    ),
    "album": (
        {
            ("release_year", "performer"): (
                "{name} is a {release_year} album by {performer}.",
                "{name} is an album recorded by {performer} and released in {release_year}.",
                "Recorded by {performer}, the album {name} came out in {release_year}.",
            )
        },
        {
            ("label",): (
                "It appeared on the label {label}.",
                "{label} released the record.",
                "Its record label is {label}.",
            )
        },
    ),
    "person": (
        {
            ("birth_year", "birthplace"): (
                "{name} (born {birth_year} in {birthplace}) is {occupation}.",
                "{name} is {occupation} who was born in {birthplace} in {birth_year}.",
                "Born in {birthplace} in {birth_year}, {name} is {occupation}.",
            )
        },
        {
            ("father", "mother"): (
                "{Their} father is {father} and {their} mother is {mother}.",
                "{They} was born to {mother}, {their} mother, and {father}, {their} father.",
                "{mother} is {their} mother, while {their} father is {father}.",
            )
        },
        {
            ("spouse", "employer"): (
                "{They} is married to {spouse} and works for {employer}.",
                "{They} works for {employer}, and {their} {partner} is {spouse}.",
                "{employer} employs {them}, and {spouse} is {their} {partner}.",
            ),
            ("spouse",): (
                "{They} is married to {spouse}.",
                "{Their} {partner} is {spouse}.",
                "{They} lives with {their} {partner}, {spouse}.",
            ),
            ("employer",): (
                "{They} works for {employer}.",
                "{Their} employer is {employer}.",
                "{They} has long been employed by {employer}.",
            ),
        },
    ),
    "company": (
        {
            ("founding_year", "founder"): (
                "{name} is a company founded in {founding_year} by {founder}.",
                "{name} is a business that {founder} founded in {founding_year}.",
                "Founded by {founder}, the company {name} has existed since {founding_year}.",
            )
        },
        {
            ("headquarters",): (
                "Its headquarters are in {headquarters}.",
                "The company is based in {headquarters}.",
                "It has its head office in the city of {headquarters}.",
            )
        },
    ),
    "city": (
        {
            ("country",): (
                "{name} is a city in {country}.",
                "{name} is one of the cities of {country}.",
                "The city of {name} lies in {country}.",
            )
        },
        {
            ("mayor",): (
                "Its mayor is {mayor}.",
                "{mayor} is the mayor of the city.",
                "The city is governed by its mayor, {mayor}.",
            )
        },
    ),
    "country": (
        {
            ("capital",): (
                "{name} is a country whose capital is {capital}.",
                "{name} is a country with {capital} as its capital.",
                "The country of {name} has its capital in {capital}.",
            )
        },
        {
            ("president",): (
                "Its president is {president}.",
                "{president} is the president of the country.",
                "The country is led by its president, {president}.",
            )
        },
    ),
}

_ALIASES = {
    "person": (
        "{They} is also known as {alias}.",
        "{They} often goes by the name {alias}.",
        "Friends and critics call {them} {alias}.",
    ),
    "work": (
        "It is also known as {alias}.",
        "Abroad it carries the title {alias}.",
        "Its alternative title is {alias}.",
    ),
    "other": (
        "It is also known as {alias}.",
        "It was formerly called {alias}.",
        "An older name for it is {alias}.",
    ),
}
_LOOKALIKES = (
    "{name} should not be confused with {other}.",
    "The name is often mixed up with {other}.",
    "A separate entry describes {other}.",
)
_WORK_FILLER = (
    "Critics praised its patient pace and its careful ear for ordinary speech.",
    "It found only a small audience at first but was rediscovered many years later.",
    "Much of it turns on a quarrel between two old friends who meet again by chance.",
)
_FILLER: dict[str, tuple[str, ...]] = {
    "film": _WORK_FILLER,
    "novel": _WORK_FILLER,
    "album": _WORK_FILLER,
    "person": (
        "{They} is admired for patience, dry humour and a habit of rising very early.",
        "{Their} early years were quiet and left few traces in the public record.",
        "{They} collects old maps and rarely agrees to be interviewed about {their} life.",
    ),
    "company": (
        "It began in a single rented room and grew slowly over several decades.",
        "Its staff are known for long careers and for a yearly walk in the hills.",
        "It nearly closed twice, and each time a loyal circle of customers kept it alive.",
    ),
    "city": (
        "It is known for its covered market, its bridges and a long summer festival.",
        "Most of its old quarter was rebuilt in brick after a great fire.",
        "A tram line links the railway station with the botanical garden and the river.",
    ),
    "country": (
        "Its economy rests on timber, fishing and a growing number of visitors.",
        "Long winters and short bright summers shape the life of its villages.",
        "Its flag shows a white star above two green bands of equal height.",
    ),
}
_PRONOUNS = {
    "female": {"They": "She", "Their": "Her", "their": "her", "them": "her", "partner": "husband"},
    "male": {"They": "He", "Their": "His", "their": "his", "them": "him", "partner": "wife"},
    "": {"They": "It", "Their": "Its", "their": "its", "them": "it"},
}


def page(
    kind: str,
    name: str,
    facts: Mapping[str, str],
    rng: random.Random,
    *,
    gender: str = "",
    occupation: str = "",
    alias: str = "",
    lookalike: str = "",
    phrasings: int = 3,
) -> tuple[list[str], dict[str, str]]:
    """Sentences of one page and, per relation of `facts`, the sentence that states it.

    Of the wordings of a fact the first `phrasings` are used, the plainest first.
    """
    values = {**_PRONOUNS[gender], **facts, "name": name, "occupation": occupation}
    values |= {"alias": alias, "other": lookalike}
    sentences: list[str] = []
    support: dict[str, str] = {}
    for slot in _SLOTS[kind]:
        stated = next((names for names in slot if all(name in facts for name in names)), None)
        if stated is not None:
            sentences.append(rng.choice(slot[stated][:phrasings]).format(**values))
            support.update(dict.fromkeys(stated, sentences[-1]))
    if alias:
        group = kind if kind == "person" else "work" if kind in WORKS else "other"
        sentences.append(rng.choice(_ALIASES[group]).format(**values))
    if lookalike and rng.random() < _LOOKALIKE_CHANCE:
        _append_if_it_fits(sentences, rng.choice(_LOOKALIKES).format(**values))
    for filler in rng.sample(_FILLER[kind], len(_FILLER[kind])):
        if _words(sentences) < MIN_WORDS:
            _append_if_it_fits(sentences, filler.format(**values))
    return sentences, support


def _append_if_it_fits(sentences: list[str], sentence: str) -> None:
    fits = _words([*sentences, sentence]) <= MAX_WORDS
    if fits and len(sentences) < MAX_SENTENCES:
        sentences.append(sentence)


def _words(sentences: list[str]) -> int:
    return sum(len(sentence.split()) for sentence in sentences)
