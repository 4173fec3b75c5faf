"""Oracles of pages to look through: menus, trees, contacts, search results, posts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from envgym.environments.web.miniwob.oracles.expert import Expert, number_in, oracle
from envgym.messages import Action

Actions = AsyncIterator[Action]


@oracle("click-menu")
async def menu(x: Expert) -> Actions:
    """Open the menus on the path, then click the item."""
    *path, last = x.goal.removeprefix("Select ").split(">")
    for name in path:
        yield x.hover(x.one("div", name))
    yield x.click(x.one("div", last))


_ICONS = {
    "ui-icon-disk": "Save",
    "ui-icon-seek-start": "Prev",
    "ui-icon-stop": "Stop",
    "ui-icon-play": "Play",
    "ui-icon-seek-end": "Next",
    "ui-icon-zoomin": "Zoom In",
    "ui-icon-zoomout": "Zoom Out",
}


@oracle("click-menu-2")
async def icon_menu(x: Expert) -> Actions:
    """Open the menu, a part of it where need be, and click the item or the icon."""
    if "labeled" in x.goal:
        name = x.quoted[1]
    else:
        name = _ICONS[await x.ask("document.querySelector('#query span').className.split(' ')[1]")]
    yield x.click(x.one("button", "Menu"))
    if name in ("Prev", "Stop", "Play", "Next"):
        yield x.hover(x.one("div", "Playback"))
    yield x.click(x.one("div", name))


@oracle("navigate-tree")
async def tree(x: Expert) -> Actions:
    """Open folders, the right one's parents alone, until the name is there."""
    name = x.quoted[0]
    path: list[str] = await x.ask(
        "(() => { const one = [...document.querySelectorAll('#tree li > span')]"
        f".find(e => e.textContent === {name!r}), found = [];"
        " for (let li = one.closest('li').parentElement.closest('li'); li;"
        " li = li.parentElement.closest('li')) found.unshift(li.querySelector('span').textContent);"
        " return found; })()"
    )
    for folder in path:
        yield x.click(x.one("span", folder))
    yield x.click(x.one("span", name))


@oracle("phone-book")
async def contacts(x: Expert) -> Actions:
    """Turn pages until the person is there, then click the property."""
    person = re.sub(r"Find (.*) in the contact book.*", r"\1", x.goal)
    kind = next(name for name in ("phone", "email", "address") if f"their {name}" in x.goal)
    while not x.all("h2", person):
        yield x.click(x.one("a", ">"))
    yield x.click(x.one("a", of=kind))


@oracle("search-engine")
async def results(x: Expert) -> Actions:
    """Search, go to the page of the result, and click it."""
    place = number_in(x.goal.split('"')[-1]) - 1
    yield x.fill(x.one("input"), x.quoted[0])
    yield x.click(x.one("button", "Search"))
    if place >= 3:
        yield x.click(x.one("a", str(place // 3 + 1)))
    yield x.click(x.one("a", data_result=str(place)))


@oracle("social-media", "social-media-all", "social-media-some")
async def posts(x: Expert) -> Actions:
    """Click the button on posts of the user."""
    user = re.search(r"@\w+", x.goal)
    name = x.quoted[0]
    buttons = {"Reply": "reply", "Retweet": "retweet", "Like": "like", "Share": "share"}
    amount = re.search(r"on (\d+) post", x.goal)
    most = None if "all posts" in x.goal else int(amount[1]) if amount else 1
    media = [
        number
        for number, one in enumerate(x.all(of="media"))
        if user and x.one(of="username", inside=one).text == user[0]
    ]
    for number in media[:most]:
        post = x.all(of="media")[number]
        if name in buttons:
            yield x.click(x.one("span", of=buttons[name], inside=post))
        else:
            yield x.click(x.one("span", of="more", inside=post))
            post = x.all(of="media")[number]
            item = next(one for one in x.all("li", inside=post) if one.text.startswith(name))
            yield x.click(item)
    if "Submit" in x.goal:
        yield x.submit()
