"""Oracles of dates and times: fields, calendars, flights."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from envgym.environments.web.miniwob.oracles.expert import Expert, oracle
from envgym.messages import Action

Actions = AsyncIterator[Action]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


@oracle("enter-date")
async def enter_date(x: Expert) -> Actions:
    """Fill the date field, whose form is ISO 8601."""
    month, day, year = re.findall(r"\d+", x.goal)
    field = x.one("input")
    native = field.attributes.get("type") == "date"
    yield x.fill(field, f"{year}-{month}-{day}" if native else f"{month}/{day}/{year}")
    yield x.submit()


@oracle("enter-time")
async def enter_time(x: Expert) -> Actions:
    """Fill the time field, whose form has 24 hours."""
    found = re.search(r"(\d+):(\d+) (AM|PM)", x.goal)
    hour, minute, half = found.groups() if found else ("0", "0", "AM")
    yield x.fill(x.one("input"), f"{int(hour) % 12 + 12 * (half == 'PM'):02}:{minute}")
    yield x.submit()


@oracle("choose-date", "choose-date-easy", "choose-date-medium", "choose-date-nodelay")
async def choose_date(x: Expert) -> Actions:
    """Turn the calendar to the month and click the day."""
    async for action in _pick(x, "Select"):
        yield action
    yield x.submit()


async def _pick(x: Expert, before: str) -> Actions:
    month, day, year = (int(n) for n in re.findall(r"(\d+)/(\d+)/(\d+)", x.goal)[0])
    yield x.click(x.one("input", id="datepicker"))
    while True:
        shown = x.one("span", of="ui-datepicker-month").text
        there = int(x.one("span", of="ui-datepicker-year").text) * 12 + _MONTHS.index(shown)
        steps = year * 12 + month - 1 - there
        if not steps:
            break
        yield x.click(x.one("a", of="ui-datepicker-next" if steps > 0 else "ui-datepicker-prev"))
    yield x.click(x.one("a", str(day), of="ui-state-default"))


@oracle("book-flight", "book-flight-nodelay")
async def flight(x: Expert) -> Actions:
    """Fill the search form, then book the cheapest or the shortest flight."""
    places = re.search(r"from: (.*?) to: (.*?) on", x.goal)
    for number, place in enumerate(places.groups() if places else ()):
        yield x.fill(x.all("input")[number], place)
        offered = [one for one in x.all("li") if place in one.text and one.attributes]
        yield x.click(offered[0])
    async for action in _pick(x, "on"):
        yield action
    yield x.click(x.one("button", "Search"))
    best = await x.ask(
        "(() => { const rows = [...document.querySelectorAll('.flight')];"
        " const price = e => Number(e.querySelector('.flight-price').dataset.price);"
        " const time = e => Number(e.querySelector('.time-duration').dataset.duration);"
        f" const key = {'price' if 'cheapest' in x.goal else 'time'};"
        " return rows.reduce((best, e, i) => key(e) < key(rows[best]) ? i : best, 0); })()"
    )
    yield x.click(x.one("button", inside=x.all(of="flight")[best]))
