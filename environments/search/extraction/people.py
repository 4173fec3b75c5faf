"""Birth, death and nationality of a person, and country of a place, from opening sentences.

By convention a page opens with: "Name (3 May 1901 – 4 June 1970) was a German painter." An
uncertain bracket (circa, or, old style) yields no fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from envgym.environments.search.corpus import Passage
from envgym.environments.search.extraction.demonyms import COUNTRIES, COUNTRY_OF_DEMONYM
from envgym.environments.search.extraction.fact import Found, only_unanimous
from envgym.environments.search.extraction.text import (
    DATE,
    DATE_OR_YEAR,
    NAME,
    date_golds,
    sentences,
)

_PLACE = rf"{NAME}(?:, {NAME}){{0,3}}"
_BRACKET = re.compile(r"\(([^()]*)\)")
_BORN = re.compile(rf"^born (?:on )?({DATE_OR_YEAR})(?:,? (?:in|at) ({_PLACE}))?$")
_LIVED = re.compile(
    rf"^(?:born )?({DATE})(?:,? (?:in |at )?({_PLACE}))? ?[–—-]{{1,2}} ?"
    rf"({DATE})(?:,? (?:in |at )?{_PLACE})?$"
)
_YEARS = re.compile(r"^(\d{4}) ?[–—-]{1,2} ?(\d{4})$")
_DIED = re.compile(rf"^(?:died|d\.) (?:on )?({DATE_OR_YEAR})$")
_BORN_SENTENCE = re.compile(
    rf"^(?:He|She) was born (?:in|at) ({_PLACE})(?=\.$| and | to | on |, (?:and|the|to|where) )"
)
_PRONOUN = re.compile(r"\b(?:[Hh]e|[Ss]he|[Hh]is|[Hh]er)\b")
_PERSON_NOUN = re.compile(
    r"\b(?:is|was) (?:an?|the) [^.;]*?\b(?:actor|actress|director|filmmaker|singer|musician|writer"
    r"|author|novelist|poet|painter|artist|politician|footballer|player|cricketer|swimmer|athlete"
    r"|composer|screenwriter|producer|cinematographer|historian|scholar|professor|architect"
    r"|engineer|lawyer|judge|officer|nobleman|noblewoman|peer|prince|princess|bishop|cardinal"
    r"|songwriter|rapper|guitarist|pianist|journalist|photographer|businessman|model|wrestler"
    r"|boxer|cyclist|runner|skier|rower|philosopher|physician|scientist|mathematician|priest)\b",
    re.IGNORECASE,
)
_DEMONYM = "|".join(sorted(COUNTRY_OF_DEMONYM, key=len, reverse=True))
_NATIONALITY = re.compile(
    rf"\b(?:is|was) an? (?:(?:former|retired|professional|prominent|noted|renowned|famous|late) )?"
    rf"({_DEMONYM}) (?!football\b|rules\b|language|speaking|born\b|and\b|or\b|literature|teacher"
    r"|professor|lecturer|scholar|citizen|national\b|studies)[a-z]"
)
_PLACE_NOUN = re.compile(
    r"\b(?:is|was) (?:an?|the|one of the) (?:(?! of )[^.;(])*?\b(?:village|town|city|municipality"
    r"|commune|suburb|district|county|airport|river|lake|mountain|island|parish|hamlet|locality"
    r"|school|college|university|hospital|museum|stadium|station|cemetery|park|community|reservoir|castle)\b"
)
_COUNTRY = re.compile(
    r"(?:\bin |, )(?:the )?("
    + "|".join(sorted(COUNTRIES, key=len, reverse=True))
    + r"|USA|U\.S\.)\.?$"
)
_UNITED_STATES = ("United States", "USA", "United States of America", "US")


def is_person(passage: Passage) -> bool:
    """Return whether a page is about a person, by its nouns and pronouns."""
    opening = sentences(passage.text)[0]
    return bool(_PERSON_NOUN.search(opening) or _PRONOUN.search(passage.text))


def gender(passage: Passage) -> str:
    """Gender by the page's pronouns: "female", "male", or "" where they are mixed or absent."""
    words = re.findall(r"\b(?:he|his|him|she|her|hers)\b", passage.text.lower())
    female = sum(word in ("she", "her", "hers") for word in words)
    male = len(words) - female
    if female >= 2 * male + 1:
        return "female"
    return "male" if male >= 2 * female + 1 else ""


def life_of(passage: Passage) -> list[Found]:
    """Facts ``birth_date``, ``death_date``, ``birthplace``, ``nationality`` of a person's page."""
    pieces = sentences(passage.text)
    if not pieces or not is_person(passage):
        return []
    found = list(_bracket(pieces[0]))
    if not found and not _PERSON_NOUN.search(pieces[0]):
        return []
    found += _nationality(pieces[0])
    for sentence in pieces[1:]:
        if match := _BORN_SENTENCE.match(sentence):
            found.append(_birthplace(match[1], sentence))
    places = [item for item in found if item.relation == "birthplace"]
    # "Berlin" here and "Berlin, Germany" there agree; the shorter one is always among the golds.
    if len({item.golds[-1] for item in places}) == 1:
        found = [item for item in found if item not in places[1:]]
    return only_unanimous(found)


def country_of(passage: Passage) -> list[Found]:
    """Fact ``country`` of a place's page whose opening sentence ends in the country."""
    pieces = sentences(passage.text)
    if not pieces or not _PLACE_NOUN.search(pieces[0]):
        return []
    match = _COUNTRY.search(pieces[0])
    if match is None or " from " in pieces[0] or " between " in pieces[0] or " and " in pieces[0]:
        return []
    name = match[1]
    if name in ("USA", "U.S.", "United States"):
        return [Found("country", name, _UNITED_STATES, pieces[0])]
    return [Found("country", name, (name,), pieces[0])]


def _bracket(opening: str) -> Iterator[Found]:
    match = _BRACKET.search(opening)
    before = opening[: match.start()] if match else ""
    # The bracket of dates stands behind the name, before the verb, and is the only one there.
    if match is None or len(before) > 90 or re.search(r"\b(?:is|was|were|are|by|of the)\b", before):
        return
    if opening[match.end() : match.end() + 3].strip().startswith(("(", ")")):
        return
    content = " ".join(match[1].split())
    if lived := _LIVED.match(content):
        yield Found("birth_date", lived[1], date_golds(lived[1]), opening)
        yield Found("death_date", lived[3], date_golds(lived[3]), opening)
        if lived[2]:
            yield _birthplace(lived[2], opening)
    elif years := _YEARS.match(content):
        # Two bare years may be those of a reign; a life is longer than most.
        if 25 <= int(years[2]) - int(years[1]) <= 105:
            yield Found("birth_date", years[1], (years[1],), opening)
            yield Found("death_date", years[2], (years[2],), opening)
    elif born := _BORN.match(content):
        yield Found("birth_date", born[1], date_golds(born[1]), opening)
        if born[2]:
            yield _birthplace(born[2], opening)
    elif died := _DIED.match(content):
        yield Found("death_date", died[1], date_golds(died[1]), opening)


def _birthplace(place: str, sentence: str) -> Found:
    golds = dict.fromkeys((place, ", ".join(place.split(", ")[:2]), place.split(",")[0]))
    return Found("birthplace", place, tuple(golds), sentence)


def _nationality(opening: str) -> Iterator[Found]:
    match = _NATIONALITY.search(opening)
    if match:
        golds = tuple(dict.fromkeys((match[1], COUNTRY_OF_DEMONYM[match[1]])))
        yield Found("nationality", match[1], golds, opening)
