"""Oracles of forms: checkboxes, radio buttons, lists, sliders, spinners."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from envgym.environments.web.miniwob.oracles.expert import Expert, number_in, oracle
from envgym.messages import Action

Actions = AsyncIterator[Action]


@oracle("click-checkboxes", "click-checkboxes-large", "click-checkboxes-transfer")
async def checkboxes(x: Expert) -> Actions:
    """Check the boxes of the names."""
    names = x.goal.removeprefix("Select ").removesuffix(" and click Submit.").split(", ")
    for label in x.all("label"):
        if label.text in names:
            yield x.click(x.one("input", inside=label))
    yield x.submit()


@oracle("click-checkboxes-soft")
async def synonyms(x: Expert) -> Actions:
    """Check the boxes whose words the page holds for synonyms of the goal's."""
    goal = x.goal.removeprefix("Select words similar to ").removesuffix(" and click Submit.")
    rows: list[list[str]] = await x.ask("SYNONYMS")
    wanted = [set(row) for name in goal.split(", ") for row in rows if name in row]
    for label in x.all("label"):
        if any(label.text in row for row in wanted):
            yield x.click(x.one("input", inside=label))
    yield x.submit()


@oracle("click-option")
async def option(x: Expert) -> Actions:
    """Choose the radio button of the name."""
    name = x.goal.removeprefix("Select ").removesuffix(" and click Submit.")
    yield x.click(x.one("input", inside=x.one("label", name)))
    yield x.submit()


@oracle("choose-list")
async def choose(x: Expert) -> Actions:
    """Choose from the list."""
    name = re.sub(r"Select (.*) from the list.*", r"\1", x.goal)
    yield x.select(x.one("select"), name)
    yield x.submit()


@oracle("click-scroll-list")
async def choose_several(x: Expert) -> Actions:
    """Choose all names from the list."""
    names = re.sub(r"Select (.*) from the scroll list.*", r"\1", x.goal).split(", ")
    yield x.select(x.one("select"), *names)
    yield x.submit()


@oracle("number-checkboxes")
async def draw_number(x: Expert) -> Actions:
    """Check the boxes of the digit's pattern."""
    pattern = await x.ask(f"PATTERNS[{number_in(x.goal)}].flat()")
    for place, on in enumerate(pattern):
        if on:
            yield x.click(x.all("input", type="checkbox")[place])
    yield x.submit()


@oracle("use-slider", "use-slider-2", "form-sequence")
async def sliders(x: Expert) -> Actions:
    """Move each slider by keys from an end; check a box where one is asked for."""
    wanted = [int(n) for n in re.findall(r"-?\d+", x.goal.split("checkbox")[0])]
    handles = len(x.all("span", of="ui-slider-handle"))
    for number in range(handles):
        values = await x.ask("$('.ui-slider').map((i, e) => $(e).slider('value')).get()")
        steps = wanted[number] - values[number]
        for _ in range(abs(steps)):
            handle = x.all("span", of="ui-slider-handle")[number]
            yield x.press("ArrowRight" if steps > 0 else "ArrowLeft", handle)
    if "checkbox" in x.goal:
        yield x.click(x.all("input", type="checkbox")[wanted[-1] - 1])
    yield x.submit()


@oracle("use-spinner")
async def spinner(x: Expert) -> Actions:
    """Step the spinner by its arrows."""
    steps = number_in(x.goal)
    for _ in range(abs(steps)):
        yield x.click(x.one(of="ui-spinner-up" if steps > 0 else "ui-spinner-down"))
    yield x.submit()


@oracle("form-sequence-2")
async def radio_and_text(x: Expert) -> Actions:
    """Choose the radio button, then fill the field, of the goal's numbers."""
    place, number, field = (int(n) for n in re.findall(r"-?\d+", x.goal))
    yield x.click(x.all("input", type="radio")[place - 1])
    yield x.fill(x.all("input", type="text")[field - 1], str(number))
    yield x.submit()


@oracle("form-sequence-3")
async def dropdown_and_button(x: Expert) -> Actions:
    """Choose from the list, then click the button."""
    wanted = re.sub(r"Choose (.*) from the dropdown.*", r"\1", x.goal)
    yield x.click(x.one(text="▾"))
    yield x.click(x.one("li", wanted))
    yield x.click(x.one("button", x.quoted[-1]))


@oracle("multi-layouts", "multi-orderings")
async def movie_search(x: Expert) -> Actions:
    """Fill genre, director and year where their labels stand."""
    found = re.search(r"for (.+) movies directed by (.+) from year (\d+)", x.goal)
    values = found.groups() if found else ()
    for name, value in zip(("genre", "direct", "year|date"), values, strict=True):
        field = next(one for one, label in x.labelled("input") if re.search(name, label.lower()))
        yield x.fill(field, value)
    yield x.click(x.all("button div a", clickable="")[-1])


@oracle("order-food")
async def order(x: Expert) -> Actions:
    """Order the dishes by name, or dishes of the kind."""
    kind = re.search(r"Order (\d+) items? that (?:is|are) (.+)", x.goal)
    names = [] if kind else x.goal.removeprefix("Order one of each item: ").split(", ")
    rows = x.all(of="food-item")
    for _ in range(int(kind[1]) if kind else 0):
        word = kind[2] if kind else ""
        row = next(r for r in x.all(of="food-item") if x.all("img", alt=word, inside=r))
        yield x.click(x.one(text="+", inside=row))
    for name in names:
        row = next(one for one in rows if name.strip() in one.text)
        yield x.click(x.one(text="+", inside=row))
    yield x.click(x.one("button", "Order!"))
