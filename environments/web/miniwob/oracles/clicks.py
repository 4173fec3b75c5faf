"""Oracles of tasks that a few clicks solve: buttons, links, tabs, shapes, cards."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from envgym.environments.web.miniwob.oracles.expert import Expert, number_in, oracle
from envgym.environments.web.observation.elements import Element
from envgym.messages import Action

Actions = AsyncIterator[Action]
_CLASSES = {"x": "Close"}


@oracle("click-test", "focus-text")
async def only_element(x: Expert) -> Actions:
    """Click the only element."""
    yield x.click(x.one("button input"))


@oracle("click-test-2", "click-test-transfer", "click-button-sequence")
async def named_buttons(x: Expert) -> Actions:
    """Click the buttons that the goal names, in its order."""
    for name in re.findall(r"button (\w+)", x.goal):
        yield x.click(x.one("button", name))


@oracle("click-button", "unicode-test")
async def quoted_button(x: Expert) -> Actions:
    """Click the button with the quoted text."""
    yield x.click(x.one("button", x.quoted[0]))


@oracle("click-link")
async def link(x: Expert) -> Actions:
    """Click the link with the quoted text."""
    yield x.click(x.one("span", x.quoted[0], of="alink"))


@oracle("click-dialog", "click-dialog-2")
async def dialog(x: Expert) -> Actions:
    """Click the quoted button of the dialog; its x has the name Close."""
    name = _CLASSES.get(x.quoted[0], x.quoted[0])
    found = [one for one in x.all("button") if name in (one.text, one.attributes.get("title"))]
    yield x.click(found[0])


@oracle("click-tab")
async def tab(x: Expert) -> Actions:
    """Click the tab of the number."""
    yield x.click(x.one("li", f"Tab #{number_in(x.goal)}"))


@oracle("click-tab-2", "click-tab-2-easy", "click-tab-2-medium", "click-tab-2-hard")
async def search_tabs(x: Expert) -> Actions:
    """Open one tab after another until the link is there."""
    for number in range(len(x.all("li", role="tab"))):
        if number:
            yield x.click(x.all("li", role="tab")[number])
        if found := x.all("span", x.quoted[0], of="alink"):
            yield x.click(found[0])
            return


@oracle("click-collapsible", "click-collapsible-nodelay")
async def collapsible(x: Expert) -> Actions:
    """Open the section, then submit."""
    yield x.click(x.one("h3"))
    yield x.click(x.one("button", "Submit"))


@oracle("click-collapsible-2", "click-collapsible-2-nodelay")
async def search_sections(x: Expert) -> Actions:
    """Open one section after another until the link is there."""
    for number in range(len(x.all("h3"))):
        yield x.click(x.all("h3")[number])
        if found := x.all("span", x.quoted[0], of="alink"):
            yield x.click(found[0])
            return


@oracle("click-color")
async def colour(x: Expert) -> Actions:
    """Click the box of the colour."""
    name = x.goal.removeprefix("Click on the ").split(" ")[0]
    yield x.click(x.one("div", of="color", data_color=name))


@oracle("click-shades")
async def shades(x: Expert) -> Actions:
    """Click all boxes of the hue."""
    name = x.goal.removeprefix("Select all the shades of ").split(" ")[0]
    for box in x.all("span", data_color=name):
        yield x.click(box)
    yield x.submit()


@oracle("click-widget")
async def widget(x: Expert) -> Actions:
    """Click a widget of the kind."""
    yield x.click(x.one(data_type=x.quoted[0]))


@oracle("identify-shape")
async def identify(x: Expert) -> Actions:
    """Click the kind of the only shape."""
    kinds = {"rect": "Rectangle", "circle": "Circle", "polygon": "Triangle"}
    shape = x.one("rect circle polygon text")
    kind = kinds.get(shape.tag) or ("Number" if shape.text.isdecimal() else "Letter")
    yield x.click(x.one("button", kind))


@oracle("click-shape", "count-shape")
async def shape(x: Expert) -> Actions:
    """Click a shape of the description, or the button with their number."""
    counted = x.goal.startswith("How many")
    words = x.goal.split()[2:-2] if counted else x.goal.split()[3:]
    svg = x.one("svg")
    shapes = [one for one in x.all(inside=svg) if one.attributes.get("fill", "none") != "none"]
    sizes = sorted(_size(one) for one in shapes)
    middle = (sizes[0] + sizes[-1]) / 2
    found = [one for one in shapes if all(_is(word, one, middle) for word in words)]
    yield x.click(x.one("button", str(len(found))) if counted else found[0])


def _size(shape: Element) -> float:
    width, height = shape.attributes["box"].split(",")[2:]
    return max(float(width), float(height))


def _is(word: str, shape: Element, middle: float) -> bool:
    kinds = {"circle": "circle", "rectangle": "rect", "triangle": "polygon"}
    word = word if word in kinds else word.removesuffix("s")
    if word in kinds:
        return shape.tag == kinds[word]
    if word in ("small", "large"):
        return (_size(shape) > middle) == (word == "large")
    if word in ("letter", "digit"):
        return shape.tag == "text" and shape.text.isdecimal() == (word == "digit")
    if word in ("a", "an", "item", "shape"):
        return word not in ("shape",) or shape.tag != "text"
    if len(word) == 1:
        return shape.tag == "text" and shape.text == word
    return shape.attributes["fill"] == word


@oracle("count-sides")
async def sides(x: Expert) -> Actions:
    """Click the number of sides; the shape is drawn, so the page's own table of it is asked."""
    angles = await x.ask(_CORNERS)
    yield x.click(x.one("button", str(angles)))


_CORNERS = """(() => {
  // A side of a polygon of n corners at distance 35 comes as near to the centre as 35 cos(pi/n).
  const data = document.getElementById("c").getContext("2d").getImageData(0, 0, 150, 100).data;
  let near = 99;
  for (let y = 0; y < 100; y++)
    for (let x = 0; x < 150; x++)
      if (data[(y * 150 + x) * 4 + 3] > 128) near = Math.min(near, Math.hypot(x - 74.5, y - 49.5));
  const off = n => Math.abs(35 * Math.cos(Math.PI / n) - 1.5 - near);
  return [3, 4, 5, 6, 7].reduce((best, n) => off(n) < off(best) ? n : best);
})()"""


@oracle("ascending-numbers")
async def ascending(x: Expert) -> Actions:
    """Click the numbers from the lowest on."""
    first, *rest = sorted(x.all("text"), key=lambda one: int(one.text))
    yield x.click(first)
    for number in rest:  # squares lie over the numbers now
        at = _corner(number)
        yield x.click(min(x.all("rect"), key=lambda one: abs(_corner(one) - at)))


def _corner(shape: Element) -> complex:
    left, top = shape.attributes["box"].split(",")[:2]
    return complex(float(left), float(top))


@oracle("grid-coordinate")
async def coordinate(x: Expert) -> Actions:
    """Click the point with the coordinates."""
    place = re.search(r"\(.*\)", x.goal)
    yield x.click(x.one("circle", id=place[0] if place else ""))


@oracle("find-greatest")
async def greatest(x: Expert) -> Actions:
    """Pick the card with the greatest number."""
    cards = x.all(of="card")
    yield x.click(max(cards, key=lambda one: int(one.text)))
    yield x.submit()


@oracle("odd-or-even")
async def odd_or_even(x: Expert) -> Actions:
    """Mark each number."""
    for number in range(len(x.all(of="row"))):
        row = x.all(of="row")[number]
        value = number_in(row.text)
        yield x.click(x.one("button", "Odd" if value % 2 else "Even", inside=row))
    yield x.submit()


@oracle("buy-ticket")
async def ticket(x: Expert) -> Actions:
    """Book the ticket with the best price or duration."""
    flights = x.all(of="flight")

    def price(flight: Element) -> int:
        return number_in(x.one("button", inside=flight).text.replace("$", ""))

    def minutes(flight: Element) -> int:
        hours, rest = re.findall(r"(\d+)h (\d+)m", flight.text)[-1]
        return int(hours) * 60 + int(rest)

    key = minutes if "duration" in x.goal else price
    best = max if re.search("longest|most", x.goal) else min
    yield x.click(x.one("button", inside=best(flights, key=key)))


@oracle("focus-text-2")
async def nth_field(x: Expert) -> Actions:
    """Click the field of the number."""
    yield x.click(x.all("input")[number_in(x.goal) - 1])
