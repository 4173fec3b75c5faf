"""Oracles of tasks that dragging solves."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from envgym.environments.web.miniwob.oracles.expert import Expert, number_in, oracle
from envgym.messages import Action

Actions = AsyncIterator[Action]
_CORNERS = {
    "top left": 0,
    "top center": 1,
    "top right": 2,
    "center left": 3,
    "center right": 5,
    "bottom left": 6,
    "bottom center": 7,
    "bottom right": 8,
    "center": 4,
}
_STEPS = {"up": -3, "down": 3, "left": -1, "right": 1}


@oracle("drag-box")
async def box(x: Expert) -> Actions:
    """Drag the small box onto the large one."""
    yield x.drag(x.one("div", "s"), x.one("div", "L"))
    yield x.submit()


@oracle("drag-items")
async def items(x: Expert) -> Actions:
    """Drag the item onto the one at its new place."""
    name, where = re.findall(r"Drag (\S+) (.*)", x.goal)[0]
    rows = x.all("li")
    place = next(n for n, one in enumerate(rows) if one.text == name)
    if "by one" in where:
        target = place + (1 if "down" in where else -1)
    else:
        ends = {"to the top.": 0, "to the bottom.": len(rows) - 1}
        target = ends[where] if where in ends else number_in(where) - 1
    yield x.drag(rows[place], rows[target])


@oracle("drag-items-grid")
async def grid(x: Expert) -> Actions:
    """Drag the item onto the one at its new place."""
    name, where = re.findall(r"Drag (\S+) (.*)\.", x.goal)[0]
    cells = x.all("li")
    place = next(n for n, one in enumerate(cells) if one.text == name)
    if "by one" in where:
        target = place + _STEPS[where.split()[0]]
    else:
        target = _CORNERS[where.removeprefix("to the ")]
    yield x.drag(cells[place], cells[target])


@oracle("drag-sort-numbers")
async def sort(x: Expert) -> Actions:
    """Drag each number to its place, from the lowest on."""
    for place in range(4):
        rows = x.all("li")
        values = [int(one.text) for one in rows]
        lowest = min(range(place, 4), key=values.__getitem__)
        if lowest != place:
            yield x.drag(rows[lowest], rows[place])
    yield x.submit()


@oracle("drag-shapes")
async def shapes(x: Expert) -> Actions:
    """Drag the shapes of the kind into the box."""
    kinds = {"circles": "circle", "rectangles": "rect", "triangles": "polygon"}
    kind = next(tag for name, tag in kinds.items() if name in x.goal)
    wanted = [n for n, one in enumerate(x.all(kind)) if one.attributes.get("fill") != "none"]
    for number in wanted:
        shape = x.all(kind)[number]
        yield x.drag(shape, x.one("rect", fill="none"))
    yield x.submit()
