"""Sentences, names and dates in encyclopedia text, by pattern.

Precision comes before recall: a doubtful name or a date with "circa" yields no question.
"""

from __future__ import annotations

import re

_MONTHS = "January February March April May June July August September October November December"
_MONTH = "(?:" + _MONTHS.replace(" ", "|") + ")"

# Python's re has no class for upper-case letters, so Latin's (up to U+024F) are spelled out.
_UPPER = "".join(chr(code) for code in range(0x250) if chr(code).isupper())
_CAPITALISED = rf"[{_UPPER}][\w.'’]*(?:-[\w'’]+)*"
_PARTICLES = "de|da|di|do|dos|du|del|della|der|den|von|van|zu|la|le|al|el|bin|ibn|of|ten|ter|y"

# A run of capitalised words, with particles between them; at most seven words.
NAME = rf"{_CAPITALISED}(?:(?: (?:{_PARTICLES})){{0,2}} {_CAPITALISED}){{0,5}}"
DATE = rf"(?:\d{{1,2}} {_MONTH} \d{{3,4}}|{_MONTH} \d{{1,2}}, ?\d{{3,4}})"
DATE_OR_YEAR = rf"(?:{DATE}|\d{{4}})"

_ABBREVIATION = re.compile(
    r"(?:\b[A-Z]|\b(?:Mr|Mrs|Ms|Dr|St|Sr|Jr|Lt|Col|Gen|Capt|Sgt|Rev|Prof|Hon|Fr|No|Vol|vs|c|ca|d|b"
    r"|fl|r|née|approx|Inc|Ltd|Co|feat|Op|Op|lit|i\.e|e\.g|a\.k\.a|etc))\.$"
)
_SENTENCE_END = re.compile(r'[.!?]["”]?(?=\s+["“(]?[^\W\da-z_])')


def sentences(text: str) -> list[str]:
    """Sentences of a text, each verbatim; a sentence never ends within brackets."""
    pieces: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        piece = text[start : match.end()]
        if _ABBREVIATION.search(piece) or piece.count("(") > piece.count(")"):
            continue
        pieces.append(piece.strip())
        start = match.end()
    if rest := text[start:].strip():
        pieces.append(rest)
    return pieces


def bare_title(title: str) -> str:
    """Title without its disambiguation: "Belle" for "Belle (album)"."""
    return re.sub(r"\s*\([^()]*\)$", "", title) or title


def date_golds(date: str) -> tuple[str, ...]:
    """Spellings of a date: as written, then with day and month swapped; a year stays alone."""
    day_first = re.fullmatch(rf"(\d{{1,2}}) ({_MONTH}) (\d{{3,4}})", date)
    month_first = re.fullmatch(rf"({_MONTH}) (\d{{1,2}}), ?(\d{{3,4}})", date)
    if day_first:
        day, month, year = day_first.groups()
        return (date, f"{month} {day}, {year}")
    if month_first:
        month, day, year = month_first.groups()
        return (f"{month} {day}, {year}", f"{day} {month} {year}")
    return (date,)
