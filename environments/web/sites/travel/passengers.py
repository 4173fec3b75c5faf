"""Passengers of a booking: fields of the form, and rows of the table."""

from __future__ import annotations

import re
from collections.abc import Mapping

from envgym.environments.web.observation.elements import Element
from envgym.environments.web.sites.markup import check, choice, field, h

MEALS = {"none": "No meal", "meat": "Meat", "fish": "Fish", "vegetarian": "Vegetarian"}
SEATS = {"any": "Any seat", "aisle": "Aisle", "window": "Window"}
TITLES = {"ms": "Ms", "mr": "Mr", "mx": "Mx"}
BAGS = {"0": "No bag", "1": "One bag", "2": "Two bags"}
_PASSENGER = ("title", "first", "last", "birth", "passport", "meal", "seat", "bags", "assistance")
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def passenger_fields(place: int, given: Mapping[str, str]) -> Element:
    """Fields of one passenger, nine of them; `given` are the values sent before."""

    def of(name: str) -> str:
        return given.get(f"{name}-{place}", "")

    who = f"of passenger {place}"
    return h(
        "fieldset",
        h("legend", f"Passenger {place}"),
        choice(f"Title {who}", f"title-{place}", TITLES.items(), of("title") or "ms"),
        field(f"First name {who}", f"first-{place}", of("first")),
        field(f"Last name {who}", f"last-{place}", of("last")),
        field(f"Date of birth {who}", f"birth-{place}", of("birth"), "date"),
        field(f"Passport {who}", f"passport-{place}", of("passport")),
        choice(f"Meal {who}", f"meal-{place}", MEALS.items(), of("meal") or "none"),
        choice(f"Seat {who}", f"seat-{place}", SEATS.items(), of("seat") or "any"),
        choice(f"Bags {who}", f"bags-{place}", BAGS.items(), of("bags") or "0"),
        check(f"Assistance for passenger {place}", f"assistance-{place}", bool(of("assistance"))),
    )


def passenger_row(values: Mapping[str, str], place: int) -> tuple[str | int, ...]:
    """Row of a passenger from a form's values."""
    row: dict[str, str | int] = {
        name: values.get(f"{name}-{place}", "").strip()[:200] for name in _PASSENGER
    }
    row["bags"] = {"1": 1, "2": 2}.get(str(row["bags"]), 0)
    row["assistance"] = int(row["assistance"] == "yes")
    return tuple(row.values())


def is_complete(row: tuple[str | int, ...]) -> bool:
    """Test that a passenger's row can be booked."""
    title, first, last, birth, passport, meal, seat = map(str, row[:7])
    return bool(
        first
        and last
        and passport
        and ISO_DAY.fullmatch(birth)
        and title in TITLES
        and meal in MEALS
        and seat in SEATS
    )
