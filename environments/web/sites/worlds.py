"""Words that the content of the sites is made of, and helpers to draw from them."""

from __future__ import annotations

import random

FIRST = [
    "Ada",
    "Bram",
    "Cora",
    "Dmitri",
    "Elif",
    "Farid",
    "Greta",
    "Hana",
    "Ivo",
    "Jonas",
    "Kaya",
    "Lena",
    "Milo",
    "Nadia",
    "Omar",
    "Pia",
    "Quinn",
    "Rosa",
    "Sami",
    "Tara",
    "Uma",
    "Viktor",
    "Wanda",
    "Yusuf",
    "Zoe",
]
LAST = [
    "Albers",
    "Brandt",
    "Costa",
    "Duarte",
    "Eriksen",
    "Fischer",
    "Gruber",
    "Haddad",
    "Ivanov",
    "Jensen",
    "Keller",
    "Larsen",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
    "Quist",
    "Rossi",
    "Sato",
    "Tanaka",
    "Ueda",
    "Vargas",
    "Weber",
    "Young",
    "Zimmer",
]
CITIES = [
    "Aalborg",
    "Bergen",
    "Catania",
    "Dresden",
    "Eindhoven",
    "Faro",
    "Ghent",
    "Hamburg",
    "Innsbruck",
    "Jena",
    "Krakow",
    "Lyon",
    "Malmo",
    "Nantes",
    "Oviedo",
    "Porto",
    "Riga",
    "Salzburg",
    "Turin",
    "Utrecht",
    "Verona",
    "Warsaw",
    "Zagreb",
]
STREETS = [
    "Birch",
    "Cedar",
    "Elm",
    "Garden",
    "Harbour",
    "Hill",
    "Lake",
    "Maple",
    "Mill",
    "North",
    "Oak",
    "River",
    "Station",
]


def person(rng: random.Random) -> str:
    """Full name."""
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def street(rng: random.Random) -> str:
    """Street with a number."""
    return f"{rng.choice(STREETS)} Street {rng.randint(1, 99)}"


def money(cents: int) -> str:
    """Amount as the sites show it."""
    return f"${cents // 100}.{cents % 100:02}"
