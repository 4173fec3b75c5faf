"""Invented names, so that a model cannot have seen its answers before.

Names consist of few short parts, so a small byte-pair vocabulary spells them all and copying is
easy; finding the right page is hard. Shared parts (family names, adjectives, nouns) make pages
similar, which makes retrieval worth learning.
"""

from __future__ import annotations

import random
from collections.abc import Callable

_STARTS = (
    "Al Bar Cor Dal El Fen Gar Hal Il Jor Kel Lor Mar Nor Or Pel Quin Ros Sal Tor Ul Var Wil Zan"
)
_MIDDLES = "a ba da e go i ka la me na o ra ri sa ta ve"
_FAMILY_ENDS = (
    "brook ders dorn fell field gard ham hart kin lan low man mer more ren ridge ross sen ton well"
)
_GIVEN_STARTS = "Ad Be Ca De El Fa Ga Ha Is Ja Ka Le Ma Ne Ol Pa Ra Sa Te Vi"
_FEMALE_ENDS = "bella dia lena lina mira nessa nia ra rina sa tha via"
_MALE_ENDS = "bert don lan lin mas mon nard rek ric ron tor vin"
_CITY_ENDS = "bury ford gate grad haven mouth mora port stad ton vale ville"
_COUNTRY_ENDS = "donia land mark nia ria stan via wey"
_COMPANY_ENDS = "Labs Works Motors Pictures Press Records Group Foods Energy Systems Media Trust"
_ADJECTIVES = (
    "Ancient Bitter Blue Bright Broken Burning Cold Crimson Crooked Dark Distant Empty Endless "
    "Faded Fallen Final First Forgotten Frozen Gentle Golden Green Grey Hidden Hollow Last Little "
    "Lonely Long Lost Lucky Narrow New Old Open Pale Perfect Proud Quiet Red Restless Secret "
    "Silent Silver Simple Slow Small Strange Sudden Summer Sweet Tender Velvet Wandering White Wild"
)
_NOUNS = (
    "Anchor Answer Arrow Autumn Bell Bird Bridge Candle Castle Circus Clock Coast Compass Crown "
    "Dancer Desert Door Dream Echo Engine Feather Field Fire Flower Forest Garden Ghost Glass "
    "Harbor Heart Horizon Horse House Island Journey Key Kingdom Ladder Lake Lantern Letter Light "
    "Machine Map Mask Meadow Mirror Moon Morning Mountain Night Ocean Orchard Paper Path Piano "
    "Promise Queen Rain River Road Room Rose Sailor Sea Season Shadow Ship Sky Snow Song Star "
    "Station Stone Storm Stranger Street Summer Thief Tower Train Valley Violin Voice Wall Water "
    "Whisper Window Wolf"
)

ADJECTIVES = tuple(_ADJECTIVES.split())
NOUNS = tuple(_NOUNS.split())


class Namer:
    """Generator of names, titles and aliases that are unique within one world."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._taken: set[str] = set()
        self._titles: list[tuple[str, str]] = []

    def family(self) -> str:
        """Family name; the caller decides which people share it."""
        return self._pick(_STARTS) + self._pick(_FAMILY_ENDS)

    def person(self, gender: str, family: str) -> str:
        """Unused name of a given name for "female" or "male" and the family name."""
        ends = _FEMALE_ENDS if gender == "female" else _MALE_ENDS

        def draw(attempt: int) -> str:
            # When a family has used up its given names, longer ones are made.
            middle = self._pick(_MIDDLES) if attempt > 30 else ""
            return f"{self._pick(_GIVEN_STARTS)}{middle}{self._pick(ends)} {family}"

        return self._unique(draw)

    def city(self) -> str:
        """A one-word city name."""
        return self._unique(lambda attempt: self._place(_CITY_ENDS, attempt))

    def country(self) -> str:
        """A one-word country name."""
        return self._unique(lambda attempt: self._place(_COUNTRY_ENDS, attempt))

    def company(self) -> str:
        """A two-word company name."""
        return self._unique(lambda attempt: f"{self.family()} {self._pick(_COMPANY_ENDS)}")

    def work(self) -> str:
        """A title of two or three words; about a third resemble an earlier one or continue it."""
        return self._unique(self._title)

    def _title(self, attempt: int) -> str:
        rng = self._rng
        adjective, noun = rng.choice(ADJECTIVES), rng.choice(NOUNS)
        if self._titles and rng.random() < 0.35:
            adjective, noun = rng.choice(self._titles)
            form = rng.randrange(3)
            if form == 0:
                return f"{adjective} {noun} Returns"
            if form == 1:
                adjective = rng.choice(ADJECTIVES)
            else:
                noun = rng.choice(NOUNS)
        elif attempt > 10:
            return f"{rng.choice(ADJECTIVES)} {adjective} {noun}"
        self._titles.append((adjective, noun))
        return f"The {adjective} {noun}" if rng.random() < 0.2 else f"{adjective} {noun}"

    def _place(self, ends: str, attempt: int) -> str:
        middles = "".join(self._pick(_MIDDLES) for _ in range(1 + attempt // 10))
        return f"{self._pick(_STARTS)}{middles}{self._pick(ends)}"

    def _unique(self, draw: Callable[[int], str]) -> str:
        attempt = 0
        while (name := draw(attempt)) in self._taken:
            attempt += 1
        self._taken.add(name)
        return name

    def _pick(self, parts: str) -> str:
        return self._rng.choice(parts.split())
