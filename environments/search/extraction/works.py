"""Makers and year of a film, song, album or book, from the sentences of its page.

A pattern matches only where the sentence is about the work itself (not the play it is based on) and
names a single maker, because "directed by A and B" has no single answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from envgym.environments.search.corpus import Passage
from envgym.environments.search.extraction.demonyms import COUNTRY_OF_DEMONYM
from envgym.environments.search.extraction.fact import Found, only_unanimous
from envgym.environments.search.extraction.text import NAME, bare_title, sentences

_FILM = r"(?:film|movie|documentary|serial|drama|comedy|western|thriller|musical|short)"
_RECORD = r"(?:song|album|single|EP|mixtape|ballad)"
_WORK = rf"(?:{_FILM}|{_RECORD}|novel|play|book|opera)"
_IS_FILM = re.compile(rf"\b(?:is|was) (?:an?|the)\b[^.;]*\b{_FILM}\b", re.IGNORECASE)
_IS_WORK = re.compile(rf"\b(?:is|was) (?:an?|the)\b[^.;]*\b{_WORK}\b", re.IGNORECASE)

_VERB = r"(?:written|directed|produced|edited|co-written|co-directed|narrated|scripted|created)"
_CREDIT = re.compile(rf"\b({_VERB}(?:(?:,? and |, ){_VERB})*) by ({NAME})")
_MUSIC = re.compile(
    r"\b(?:music|score|soundtrack)\b[^.,;]{0,30}?\b(?:was |is |were )?composed by " rf"({NAME})"
)
_ROLE = (
    r"(?:band|group|singer|rapper|duo|trio|musician|artist|songwriter|singer-songwriter|guitarist"
    r"|pianist|saxophonist|trumpeter|drummer|producer|DJ|girl group|boy band|recording artist)"
)
_DESCRIPTION = rf"((?:(?:the )?(?:[\w&-]+,? ){{0,8}}{_ROLE},? )?)"
_PERFORMED = re.compile(
    rf"\b{_RECORD}(?: recorded| performed| released)? by {_DESCRIPTION}((?:[Tt]he )?{NAME})"
)
_YEAR = re.compile(rf"\b(?:is|was) (?:an?|the) (?:[a-z]+ )?(\d{{4}}) [^.;]*\b{_WORK}\b")

# Text before a credit that would make it about another work or another maker.
_ELSEWHERE = re.compile(
    r"\b(?:remake|based|adapt\w*|sequel|prequel|versions?|episode|earlier|previous|original\w*"
    r"|assist\w*|segments?|series|trilogy|lyrics|stor(?:y|ies)|poems?|also|which|where|whose"
    r"|screenplay by|starring|music|score|soundtrack|co-)\b",
    re.IGNORECASE,
)
_OWN_OPENING = re.compile(r"(?:It|The (?:film|movie|song|album|music|score|soundtrack)|Music)\b")
# Shared credits: "co-directed by B" beside "directed by A" means two directors.
_SHARED = {
    "director": re.compile(r"co-? ?direct|directors\b"),
    "writer": re.compile(r"co-? ?wr[io]t|writers\b|screenplay (?:is |was )?(?:written )?by"),
    "composer": re.compile(r"composers\b"),
}
# Continuation of a name, or a second name.
_GOES_ON = re.compile(
    rf"(?:,? and|,| &|&|/| /|,? with)? ?(?!starring)(?:{NAME}|his |her |their )"
    r"|-| -| –|–|'s|’s| ?[\"“]| da \d"
)
_THEN_ROLE = re.compile(rf" [a-z/ -]{{0,40}}\b{_ROLE}\b")
_BAD_LAST_WORD = re.compile(r" (?:The|It|He|She|His|Her|This|In|On|From)$")


def credits_of(passage: Passage) -> list[Found]:
    """Facts ``director``, ``writer``, ``composer``, ``performer`` and ``release_year`` of a work's
    page.
    """
    pieces = sentences(passage.text)
    if not pieces or "(disambiguation)" in passage.title:
        return []
    if not _names_subject(pieces[0], passage.title):
        return []
    opening = pieces[0]
    found: list[Found] = []
    if _IS_WORK.search(opening):
        found += _year(opening)
        found += _performer(opening)
        for place, sentence in enumerate(pieces):
            if place == 0 or _OWN_OPENING.match(sentence):
                is_film = bool(_IS_FILM.search(opening))
                found += _credits(sentence, is_film)
    return [
        item
        for item in only_unanimous(found)
        if item.relation not in _SHARED or not _SHARED[item.relation].search(passage.text)
    ]


def _names_subject(opening: str, title: str) -> bool:
    plain = re.sub(r"[\W_]+", "", opening).casefold()
    return plain.startswith(re.sub(r"[\W_]+", "", bare_title(title)).casefold())


def _year(opening: str) -> Iterator[Found]:
    match = _YEAR.search(opening)
    if match and "upcoming" not in opening and "unreleased" not in opening:
        yield Found("release_year", match[1], (match[1],), opening)


def _performer(opening: str) -> Iterator[Found]:
    match = _PERFORMED.search(opening)
    before = opening[: match.start()] if match else ""
    if match is None or _ELSEWHERE.search(before) or _IS_FILM.search(before):
        return
    # "singer Nicki Minaj and American rapper" is a description that swallowed another name.
    proper = re.findall(r"\b[A-Z][\w-]*", re.sub("R&B|DJ", "", match[1]))
    if any(word.split("-")[-1] not in COUNTRY_OF_DEMONYM for word in proper):
        return
    name = _whole_name(opening, match.start(2), match.end(2))
    if name:
        golds = (name, re.sub("^[Tt]he ", "", name)) if name[:4].lower() == "the " else (name,)
        # "DJ" may be the trade or the first half of the name: both spellings are right.
        golds = (*golds, f"DJ {name}") if match[1].endswith("DJ ") else golds
        yield Found("performer", name, golds, opening)


def _credits(sentence: str, is_film: bool) -> Iterator[Found]:
    for match in _CREDIT.finditer(sentence):
        name = _whole_name(sentence, match.start(2), match.end(2))
        if _ELSEWHERE.search(sentence[: match.start()]):
            continue
        for verb, relation in (("directed", "director"), ("written", "writer")):
            # An unreadable name is kept, because it contradicts a readable one.
            if verb in re.split(r"\W+", match[1]) and (is_film or relation == "writer"):
                yield Found(relation, name, (name,), sentence)
    for match in _MUSIC.finditer(sentence):
        if is_film:
            name = _whole_name(sentence, match.start(1), match.end(1))
            yield Found("composer", name, (name,), sentence)


def _whole_name(sentence: str, start: int, end: int) -> str:
    """Name at a position, or "" when it is incomplete or one of several."""
    name = sentence[start:end]
    if name.endswith(".") and not re.search(r"(?: [A-Z]|Jr|Sr)\.$", name):
        name = name[:-1]
    if _GOES_ON.match(sentence, end) or _BAD_LAST_WORD.search(name):
        return ""
    # "Irish singer Van Morrison" and "Ohio rock band Circus Devils" begin with a description.
    if name.split()[-1] in COUNTRY_OF_DEMONYM or _THEN_ROLE.match(sentence, end):
        return ""
    return name
