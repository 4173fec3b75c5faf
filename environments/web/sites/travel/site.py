"""Pages of the travel agency."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping
from datetime import date, timedelta

from envgym.environments.web.observation.elements import Element
from envgym.environments.web.sites.markup import button, check, choice, field, form, h, link
from envgym.environments.web.sites.site import Moved, Result, Shown, Site, Values, route
from envgym.environments.web.sites.travel.passengers import (
    ISO_DAY,
    MEALS,
    SEATS,
    is_complete,
    passenger_fields,
    passenger_row,
)
from envgym.environments.web.sites.worlds import CITIES, money, person

PLACES = tuple(CITIES[:6])
FIRST_DAY = date(2027, 5, 3)
DAYS = 5
MOST_PASSENGERS = 10


class Travel(Site):
    """An agency for six cities and five days. With ten passengers its form has 100 fields."""

    name = "travel"
    schema = """
    CREATE TABLE flight(id INTEGER PRIMARY KEY, origin TEXT, target TEXT, day TEXT, departs TEXT,
        minutes INT, stops INT, price INT);
    CREATE TABLE hotel(id INTEGER PRIMARY KEY, city TEXT, name TEXT, stars INT, price INT);
    CREATE TABLE booking(id INTEGER PRIMARY KEY, flight INT, email TEXT, status TEXT);
    CREATE TABLE passenger(booking INT, place INT, title TEXT, first TEXT, last TEXT, birth TEXT,
        passport TEXT, meal TEXT, seat TEXT, bags INT, assistance INT);
    CREATE TABLE stay(id INTEGER PRIMARY KEY, hotel INT, day TEXT, nights INT, name TEXT,
        breakfast INT);
    """

    @classmethod
    def fill(cls, db: sqlite3.Connection, seed: int) -> None:
        """See `Site.fill`."""
        rng = random.Random(f"travel:{seed}")
        prices = rng.sample(range(4000, 60000), 30 * DAYS * 4)
        for origin in PLACES:
            for target in PLACES:
                for day in range(DAYS) if origin != target else ():
                    when = (FIRST_DAY + timedelta(day)).isoformat()
                    for hour in rng.sample(range(6, 22), 4):
                        departs = f"{hour:02}:{rng.choice((0, 15, 30, 45)):02}"
                        row = (origin, target, when, departs, rng.randint(60, 300))
                        stops = rng.choice([0, 0, 1, 2])
                        db.execute(
                            "INSERT INTO flight VALUES(NULL,?,?,?,?,?,?,?)",
                            (*row, stops, prices.pop()),
                        )
        for city in PLACES:
            for name in rng.sample(["Anchor", "Bellevue", "Crown", "Drake", "Europa"], 4):
                hotel = (city, f"Hotel {name}", rng.randint(2, 5), rng.randint(40, 250) * 100)
                db.execute("INSERT INTO hotel VALUES(NULL,?,?,?,?)", hotel)
        for booking, flight in enumerate(rng.sample(range(1, 601), 3), 1):
            email = f"{person(rng).lower().replace(' ', '.')}@example.org"
            db.execute("INSERT INTO booking VALUES(?,?,?,'booked')", (booking, flight, email))
            first, last = person(rng).split()
            who = (booking, 1, "mx", first, last, "1990-01-01", "P1000000", "none", "any", 1, 0)
            db.execute("INSERT INTO passenger VALUES(?,?,?,?,?,?,?,?,?,?,?)", who)

    def header(self) -> Element:
        """See `Site.header`."""
        return h(
            "header",
            h("strong", link("Wayfare", "/")),
            link("Flights", "/"),
            " ",
            link("Hotels", "/hotels"),
            " ",
            link("Bookings", "/bookings"),
        )

    @route("GET", "/")
    def home(self, values: Values, _: tuple[str, ...]) -> Result:
        """Search of flights."""
        cities = [(city, city) for city in PLACES]
        return self.show(
            "Flights",
            form(
                "/flights",
                choice("From", "from", cities),
                choice("To", "to", cities, PLACES[1]),
                field("Day", "day", FIRST_DAY.isoformat(), "date"),
                check("Direct flights alone", "direct"),
                choice("Sort by", "sort", [("departs", "Departure"), ("price", "Price")]),
                button("Search flights"),
                method="get",
            ),
        )

    @route("GET", "/flights")
    def flights(self, values: Values, _: tuple[str, ...]) -> Result:
        """Flights of a day."""
        sort = "price" if values.get("sort") == "price" else "departs"
        rows = self.rows(
            "SELECT id, departs, minutes, stops, price FROM flight WHERE origin = ? AND target = ? "
            f"AND day = ? AND stops <= ? ORDER BY {sort}, id",
            values.get("from", ""),
            values.get("to", ""),
            values.get("day", ""),
            0 if values.get("direct") == "yes" else 9,
        )
        body = [
            h(
                "tr",
                h("td", departs),
                h("td", f"{minutes // 60} h {minutes % 60} min"),
                h("td", f"{stops} stops"),
                h("td", money(price)),
                h("td", link(f"Choose {departs}", f"/book/{id}")),
            )
            for id, departs, minutes, stops, price in rows
        ]
        title = f"{values.get('from', '')} to {values.get('to', '')} on {values.get('day', '')}"
        head = h("tr", [h("th", t) for t in ("Departure", "Duration", "Stops", "Price", "Choose")])
        table = h("table", h("tbody", head, body))
        return self.show(title, table if body else h("p", "No flight on that day."))

    @route("GET", r"/book/(\d{1,6})")
    def book(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Booking form, as long as the number of passengers makes it."""
        return self._book(int(parts[0]), _count(values.get("passengers", "1")), {})

    def _book(self, flight: int, count: int, given: Mapping[str, str]) -> Result:
        row = self.row("SELECT origin, target, day, departs FROM flight WHERE id = ?", flight)
        if row is None:
            return Shown("Not found", self.page("Not found", h("p", "No such flight.")), 404)
        return self.show(
            "Booking",
            h("p", "{} to {} on {} at {}.".format(*row)),
            form(
                f"/book/{flight}",
                field("Number of passengers", "passengers", str(count)),
                button("Change number"),
                method="get",
            ),
            form(
                f"/book/{flight}?passengers={count}",
                field("E-mail", "email", given.get("email", "")),
                [passenger_fields(place, given) for place in range(1, count + 1)],
                button("Book"),
            ),
        )

    @route("POST", r"/book/(\d{1,6})")
    def confirm(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Book, if the form is complete."""
        flight = int(parts[0])
        count = sum(f"first-{place}" in values for place in range(1, MOST_PASSENGERS + 1))
        rows = [passenger_row(values, place) for place in range(1, count + 1)]
        email = values.get("email", "").strip()
        known = self.row("SELECT 1 FROM flight WHERE id = ?", flight)
        if "@" not in email or not rows or known is None or not all(map(is_complete, rows)):
            self.alert = "Fill in e-mail, names, dates of birth and passports."
            return self._book(flight, max(count, 1), values)
        id = self.run("INSERT INTO booking VALUES(NULL,?,?,'booked')", flight, email[:200])
        for place, row in enumerate(rows, 1):
            self.run("INSERT INTO passenger VALUES(?,?,?,?,?,?,?,?,?,?,?)", id, place, *row)
        self.notice = "The flight is booked."
        return Moved(f"/booking/{id}")

    @route("GET", "/bookings")
    def bookings(self, values: Values, _: tuple[str, ...]) -> Result:
        """All bookings."""
        rows = self.rows(
            "SELECT booking.id, origin, target, day, status FROM booking JOIN flight "
            "ON flight.id = flight ORDER BY booking.id"
        )
        items = [
            h(
                "li",
                link(f"Booking {id}", f"/booking/{id}"),
                f" {origin} to {target}, {day}: {state}",
            )
            for id, origin, target, day, state in rows
        ]
        return self.show("Bookings", h("ul", items))

    @route("GET", r"/booking/(\d{1,6})")
    def booking(self, values: Values, parts: tuple[str, ...]) -> Result:
        """One booking."""
        id = int(parts[0])
        status = self.value("SELECT status FROM booking WHERE id = ?", id)
        rows = self.rows(
            "SELECT place, first, last, meal, seat FROM passenger WHERE booking = ?", id
        )
        if status is None:
            return Shown("Not found", self.page("Not found", h("p", "No such booking.")), 404)
        forms = [
            form(
                f"/booking/{id}/{place}",
                h("h2", f"{first} {last}"),
                choice(f"Meal of {first} {last}", "meal", MEALS.items(), meal),
                choice(f"Seat of {first} {last}", "seat", SEATS.items(), seat),
                button(f"Save {first} {last}"),
            )
            for place, first, last, meal, seat in rows
        ]
        cancel = form(f"/booking/{id}/cancel", button("Cancel booking"))
        return self.show(
            f"Booking {id}",
            h("p", f"Status: {status}."),
            forms,
            cancel if status == "booked" else None,
        )

    @route("POST", r"/booking/(\d{1,6})/cancel")
    def cancel(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Cancel a booking."""
        self.run("UPDATE booking SET status = 'cancelled' WHERE id = ?", int(parts[0]))
        return Moved(f"/booking/{int(parts[0])}")

    @route("POST", r"/booking/(\d{1,6})/(\d{1,2})")
    def change(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Change a passenger's meal and seat."""
        meal, seat = values.get("meal", ""), values.get("seat", "")
        if meal in MEALS and seat in SEATS:
            self.run(
                "UPDATE passenger SET meal = ?, seat = ? WHERE booking = ? AND place = ?",
                meal,
                seat,
                *map(int, parts),
            )
        return Moved(f"/booking/{int(parts[0])}")

    @route("GET", "/hotels")
    def hotels(self, values: Values, _: tuple[str, ...]) -> Result:
        """Hotels of a city."""
        city = values.get("city", PLACES[0])
        rows = self.rows(
            "SELECT id, name, stars, price FROM hotel WHERE city = ? ORDER BY name", city
        )
        search = form(
            "/hotels",
            choice("City", "city", [(c, c) for c in PLACES], city),
            button("Show hotels"),
            method="get",
        )
        items = [
            h("li", link(name, f"/hotel/{id}"), f" {stars} stars, {money(price)} a night")
            for id, name, stars, price in rows
        ]
        return self.show("Hotels", search, h("ul", items))

    @route("GET", r"/hotel/(\d{1,6})")
    def hotel(self, values: Values, parts: tuple[str, ...]) -> Result:
        """One hotel, with the form of a stay."""
        row = self.row("SELECT name, city, stars FROM hotel WHERE id = ?", int(parts[0]))
        if row is None:
            return Shown("Not found", self.page("Not found", h("p", "No such hotel.")), 404)
        return self.show(
            row[0],
            h("p", f"{row[1]}, {row[2]} stars."),
            form(
                f"/hotel/{int(parts[0])}",
                field("Arrival", "day", "", "date"),
                field("Nights", "nights", "1"),
                field("Name", "name"),
                check("Breakfast", "breakfast"),
                button("Book room"),
            ),
        )

    @route("POST", r"/hotel/(\d{1,6})")
    def stay(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Book a stay."""
        day, nights, name = (values.get(k, "").strip() for k in ("day", "nights", "name"))
        if not (
            ISO_DAY.fullmatch(day) and nights.isdecimal() and 1 <= int(nights[:4]) <= 30 and name
        ):
            self.alert = "Give a day of arrival, 1 to 30 nights and a name."
            return Moved(f"/hotel/{int(parts[0])}")
        row = (int(parts[0]), day, int(nights), name[:200], int(values.get("breakfast") == "yes"))
        self.run("INSERT INTO stay VALUES(NULL,?,?,?,?,?)", *row)
        self.notice = "The room is booked."
        return Moved("/hotels")


def _count(text: str) -> int:
    return min(max(int(text), 1), MOST_PASSENGERS) if text.isdecimal() and len(text) < 4 else 1
