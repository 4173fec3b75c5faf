"""Father and mother of a person, from phrases like "the son of A and B".

The phrase does not say which of the two is the father, so a parent counts only where the corpus has
a page of that name with unambiguous pronouns, or where the sentence says "his wife B".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from envgym.environments.search.corpus import Passage
from envgym.environments.search.extraction.fact import Found, only_unanimous
from envgym.environments.search.extraction.people import gender, is_person
from envgym.environments.search.extraction.text import NAME, bare_title, sentences

Resolve = Callable[[str], Passage | None]

_CHILD = re.compile(
    r"^(?P<subject>[^,;]*?)(?: ?\([^()]*\))?,? (?:(?:is|was) )?(?:(?:the|a|an) )?"
    r"(?:(?!and\b|or\b|of\b|grand)[a-z-]+ ){0,4}(?:son|daughter|child|children) of "
)
_OTHER_TIE = re.compile(
    r"\b(?:wife|husband|brother|sister|married|mother|father|nephew|niece|cousin|widow|half|step"
    r"|adopt\w*|foster|illegitimate son of (?:the|a)|grandson|granddaughter|descendant|in-? ?law)\b"
)
_AND_WIFE = re.compile(
    r",? (?:and|by) his (?:(?:first|second|third|fourth|only) )?(?:wife|spouse|consort),? "
)
_END = re.compile(r"\s*(?:[.,;(]|$| and [a-z]| by [a-z]| who | of the )")
# "Duke Barnim I" is also "Barnim I"; "King Ine" is not shortened to one word.
_RANK = re.compile(r"^(?:King|Queen|Emperor|Duke|Count|Prince|Princess|Sir|Lord|Lady) (?=\S+ \S)")
_LONGEST_NAME = 9  # words of a title such as "John Lyon, 4th Earl of Strathmore and Kinghorne"


def parents_of(passage: Passage, resolve: Resolve) -> list[Found]:
    """Father and mother of the page's person; `resolve` finds the page of a name, or None."""
    found: list[Found] = []
    for sentence in sentences(passage.text)[:4]:
        match = _CHILD.match(sentence)
        if match and _is_subject(match["subject"], passage) and not _OTHER_TIE.search(match[0]):
            found += _read(sentence, match.end(), resolve)
    return [item for item in only_unanimous(found) if item.object != passage.title]


def _is_subject(text: str, passage: Passage) -> bool:
    words = re.findall(r"\w+", text)
    own = set(re.findall(r"\w+", bare_title(passage.title)))
    return words in (["He"], ["She"]) or bool(words and own.intersection(words) and len(words) < 9)


def _read(sentence: str, start: int, resolve: Resolve) -> Iterator[Found]:
    linked = _linked(sentence, start, resolve)
    if linked is None:
        # Without a page the first parent is the father only when "his wife" says so.
        name = re.compile(NAME).match(sentence, start)
        if name and _AND_WIFE.match(sentence, name.end()):
            yield Found("father", name[0], _spellings(name[0]), sentence)
            yield from _wife(sentence, name.end(), resolve)
        return
    end, parent = linked
    yield from _parent(sentence[start:end], parent, sentence)
    if _AND_WIFE.match(sentence, end):
        yield from _wife(sentence, end, resolve)
    elif second := re.compile(r",? (?:and|by) ").match(sentence, end):
        other = _linked(sentence, second.end(), resolve)
        if other and gender(other[1]) != gender(parent):
            yield from _parent(sentence[second.end() : other[0]], other[1], sentence)


def _parent(name: str, page: Passage, sentence: str) -> Iterator[Found]:
    relation = {"male": "father", "female": "mother"}.get(gender(page))
    if relation:
        golds = tuple(dict.fromkeys((name, page.title, bare_title(page.title))))
        yield Found(relation, name, golds, sentence)


def _wife(sentence: str, end: int, resolve: Resolve) -> Iterator[Found]:
    phrase = _AND_WIFE.match(sentence, end)
    if phrase is None:
        return
    linked = _linked(sentence, phrase.end(), resolve)
    if linked:
        name = sentence[phrase.end() : linked[0]]
        golds = tuple(dict.fromkeys((name, linked[1].title, bare_title(linked[1].title))))
        yield Found("mother", name, golds, sentence)
        return
    match = re.compile(NAME).match(sentence, phrase.end())
    if match and " " in match[0] and _END.match(sentence, match.end()):
        name = re.sub(r"(?<=\w\w)\.$", "", match[0])
        yield Found("mother", name, _spellings(name), sentence)


def _spellings(name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((name, _RANK.sub("", name))))


def _linked(sentence: str, start: int, resolve: Resolve) -> tuple[int, Passage] | None:
    """End of the longest name at `start` that has a person's page, with that page."""
    ends = [start + match.end() for match in re.finditer(r"[\w.’'-]*\w", sentence[start:])]
    for end in reversed(ends[:_LONGEST_NAME]):
        page = resolve(sentence[start:end])
        if page is not None and is_person(page) and not _continues(sentence, end):
            return end, page
    return None


def _continues(sentence: str, end: int) -> bool:
    # "Henry" of "Henry II", "Anna" of "Anna of Saxony" and of "Anna, Duchess of" are other people.
    return bool(
        re.match(
            r"(?:'s|’s| ?-|,? [IVX]+\b| (?!and\b|by\b|who\b|in\b|was\b|$)\w|, [^\W\da-z_]|, \d)",
            sentence[end:],
        )
    )
