"""Task templates of the travel agency."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta

from envgym.environments.web.sites.goals import Check, Goal, Step, Templates, said
from envgym.environments.web.sites.travel.passengers import BAGS, MEALS, SEATS, TITLES
from envgym.environments.web.sites.travel.site import DAYS, FIRST_DAY, PLACES, Travel
from envgym.environments.web.sites.worlds import FIRST, LAST, money

TEMPLATES = Templates("travel")
_PASSENGERS = "SELECT {} FROM passenger WHERE booking > 3 ORDER BY booking, place"
_COLUMNS = ("title", "first", "last", "birth", "passport", "meal", "seat", "bags", "assistance")


def _search(
    rng: random.Random, direct: bool = False, by_price: bool = False
) -> tuple[str, str, str, list[Step]]:
    """Cities, day, and the steps of the search."""
    origin, target = rng.sample(PLACES, 2)
    day = (FIRST_DAY + timedelta(rng.randrange(DAYS))).isoformat()
    steps: list[Step] = [
        ("select", "From", origin),
        ("select", "To", target),
        ("fill", "Day", day),
        *([("click", "checkbox", "Direct flights alone")] if direct else []),
        *([("select", "Sort by", "Price")] if by_price else []),
        ("click", "button", "Search flights"),
    ]
    return origin, target, day, steps


def _flights(travel: Travel, origin: str, target: str, day: str) -> list[tuple[int, str, int, int]]:
    return [
        (id, departs, stops, price)
        for id, departs, stops, price in travel.rows(
            "SELECT id, departs, stops, price FROM flight "
            "WHERE origin = ? AND target = ? AND day = ? ORDER BY price",
            origin,
            target,
            day,
        )
    ]


def _person(rng: random.Random) -> dict[str, str]:
    birth = date(1950, 1, 1) + timedelta(rng.randrange(20_000))
    return {
        "title": rng.choice(list(TITLES)),
        "first": rng.choice(FIRST),
        "last": rng.choice(LAST),
        "birth": birth.isoformat(),
        "passport": f"P{rng.randint(1_000_000, 9_999_999)}",
        "meal": rng.choice(list(MEALS)),
        "seat": rng.choice(list(SEATS)),
        "bags": rng.choice(list(BAGS)),
        "assistance": rng.choice(["", "", "yes"]),
    }


def _fill(people: Sequence[dict[str, str]], email: str) -> list[Step]:
    steps: list[Step] = [("fill", "E-mail", email)]
    for place, one in enumerate(people, 1):
        who = f"of passenger {place}"
        steps += [
            ("select", f"Title {who}", TITLES[one["title"]]),
            ("fill", f"First name {who}", one["first"]),
            ("fill", f"Last name {who}", one["last"]),
            ("fill", f"Date of birth {who}", one["birth"]),
            ("fill", f"Passport {who}", one["passport"]),
            ("select", f"Meal {who}", MEALS[one["meal"]]),
            ("select", f"Seat {who}", SEATS[one["seat"]]),
            ("select", f"Bags {who}", BAGS[one["bags"]]),
        ]
        if one["assistance"]:
            steps.append(("click", "checkbox", f"Assistance for passenger {place}"))
    return [*steps, ("click", "button", "Book")]


def _told(people: Sequence[dict[str, str]]) -> str:
    return "; ".join(
        f"passenger {place}: {TITLES[one['title']]} {one['first']} {one['last']}, born "
        f"{one['birth']}, passport {one['passport']}, {MEALS[one['meal']].lower()}, "
        f"{SEATS[one['seat']].lower()}, {BAGS[one['bags']].lower()}"
        f"{', needs assistance' if one['assistance'] else ''}"
        for place, one in enumerate(people, 1)
    )


def _booked(flight: int, email: str, people: Sequence[dict[str, str]]) -> list[Check]:
    """A check per column: goal elements in the sense of QWeb."""
    made: dict[str, list[tuple[str | int]]] = {
        name: [(one[name],) for one in people] for name in _COLUMNS
    }
    made["bags"] = [(int(one["bags"]),) for one in people]
    made["assistance"] = [(int(bool(one["assistance"])),) for one in people]
    return [
        Check("SELECT flight FROM booking WHERE id > 3", (), [(flight,)]),
        Check("SELECT email, status FROM booking WHERE id > 3", (), [(email, "booked")]),
        *(Check(_PASSENGERS.format(name), (), rows) for name, rows in made.items()),
    ]


def _booking(rng: random.Random, travel: Travel, count: int, cheapest: bool) -> Goal:
    origin, target, day, steps = _search(rng, by_price=cheapest)
    found = _flights(travel, origin, target, day)
    flight, departs, _, _ = found[0] if cheapest else rng.choice(found)
    people = [_person(rng) for _ in range(count)]
    email = f"{people[0]['first']}.{people[0]['last']}@example.net".lower()
    grown: list[Step] = [
        ("fill", "Number of passengers", str(count)),
        ("click", "button", "Change number"),
    ]
    which = "the cheapest flight" if cheapest else f"the flight at {departs}"
    return Goal(
        f"Book {which} from {origin} to {target} on {day}; e-mail {email}; {_told(people)}.",
        _booked(flight, email, people),
        ["booking", "passenger"],
        [
            *steps,
            ("click", "link", f"Choose {departs}"),
            *(grown if count > 1 else []),
            *_fill(people, email),
        ],
    )


@TEMPLATES.add(1)
def lowest_price(rng: random.Random, travel: Travel) -> Goal:
    """Say the lowest price of a day."""
    origin, target, day, steps = _search(rng, by_price=True)
    answer = money(_flights(travel, origin, target, day)[0][3])
    text = f"Say what the cheapest flight from {origin} to {target} on {day} costs, such as $1.50."
    return Goal(text, [said(answer)], [], [*steps, ("say", answer)], answer)


@TEMPLATES.add(1)
def cancel_booking(rng: random.Random, travel: Travel) -> Goal:
    """Cancel a booking."""
    booking = rng.randint(1, 3)
    left = [(n, "cancelled" if n == booking else "booked") for n in (1, 2, 3)]
    return Goal(
        f"Cancel booking {booking}.",
        [Check("SELECT id, status FROM booking ORDER BY id", (), left)],
        ["booking"],
        [
            ("click", "link", "Bookings"),
            ("click", "link", f"Booking {booking}"),
            ("click", "button", "Cancel booking"),
        ],
    )


@TEMPLATES.add(2)
def change_meal(rng: random.Random, travel: Travel) -> Goal:
    """Change the meal and the seat of a booking."""
    booking = rng.randint(1, 3)
    first, last = travel.row("SELECT first, last FROM passenger WHERE booking = ?", booking) or ()
    meal = rng.choice([one for one in MEALS if one != "none"])
    seat = rng.choice([one for one in SEATS if one != "any"])
    rows = [(n, *((meal, seat) if n == booking else ("none", "any"))) for n in (1, 2, 3)]
    who = f"{first} {last}"
    return Goal(
        f"Change the meal of {who} in booking {booking} to {MEALS[meal]} and the seat to "
        f"{SEATS[seat]}.",
        [Check("SELECT booking, meal, seat FROM passenger ORDER BY booking", (), rows)],
        ["passenger"],
        [
            ("click", "link", "Bookings"),
            ("click", "link", f"Booking {booking}"),
            ("select", f"Meal of {who}", MEALS[meal]),
            ("select", f"Seat of {who}", SEATS[seat]),
            ("click", "button", f"Save {who}"),
        ],
    )


@TEMPLATES.add(2)
def hotel(rng: random.Random, travel: Travel) -> Goal:
    """Book a room."""
    id, city, name = rng.choice(travel.rows("SELECT id, city, name FROM hotel ORDER BY id"))
    day = (FIRST_DAY + timedelta(rng.randrange(20))).isoformat()
    nights, guest = rng.randint(2, 9), f"{rng.choice(FIRST)} {rng.choice(LAST)}"
    breakfast = rng.random() < 0.5
    sql = "SELECT hotel, day, nights, name, breakfast FROM stay"
    return Goal(
        f"Book {name} in {city} for {guest} from {day}, {nights} nights, "
        f"{'with' if breakfast else 'without'} breakfast.",
        [Check(sql, (), [(id, day, nights, guest, int(breakfast))])],
        ["stay"],
        [
            ("click", "link", "Hotels"),
            ("select", "City", city),
            ("click", "button", "Show hotels"),
            ("click", "link", name),
            ("fill", "Arrival", day),
            ("fill", "Nights", str(nights)),
            ("fill", "Name", guest),
            *([("click", "checkbox", "Breakfast")] if breakfast else []),
            ("click", "button", "Book room"),
        ],
    )


@TEMPLATES.add(3)
def book_flight(rng: random.Random, travel: Travel) -> Goal:
    """Book a flight for one passenger."""
    return _booking(rng, travel, 1, cheapest=False)


@TEMPLATES.add(3)
def book_cheapest(rng: random.Random, travel: Travel) -> Goal:
    """Book the cheapest flight for one passenger."""
    return _booking(rng, travel, 1, cheapest=True)


@TEMPLATES.add(4)
def book_for_many(rng: random.Random, travel: Travel) -> Goal:
    """Book a flight for two to ten passengers: a form of up to 100 fields."""
    return _booking(rng, travel, rng.randint(2, 10), cheapest=False)
