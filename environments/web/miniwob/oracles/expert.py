"""View of a page for an oracle: elements by tag, text and class, and actions on them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import pairwise
from typing import Any, Protocol

from envgym.environments.web.driver import Driver
from envgym.environments.web.observation.elements import Element, Page
from envgym.errors import UsageError
from envgym.messages import Action


class Seen(Protocol):
    """Parts of an episode that its oracle reads: goal, latest page, the page's own functions."""

    goal: str
    page: Page | None
    driver: Driver

    def shown_id(self, element: Element) -> int | None:
        """Id under which the agent sees an element; None for a hidden one."""


Oracle = Callable[["Expert"], AsyncIterator[Action]]
ORACLES: dict[str, Oracle] = {}
"""Oracle of each task that has one."""


def oracle(*names: str) -> Callable[[Oracle], Oracle]:
    """Register an oracle for tasks."""

    def add(function: Oracle) -> Oracle:
        ORACLES.update(dict.fromkeys(names, function))
        return function

    return add


class Expert:
    """An episode as its oracle sees it: the goal, the latest page, and actions."""

    def __init__(self, env: Seen) -> None:
        self._env = env

    @property
    def goal(self) -> str:
        """Instruction of the task."""
        return self._env.goal

    @property
    def quoted(self) -> list[str]:
        """Texts that stand in double quotes in the instruction."""
        return re.findall(r'"([^"]*)"', self.goal)

    @property
    def text(self) -> str:
        """All text of the page."""
        root = self._root()
        return root.text

    def all(
        self,
        tag: str = "",
        text: str | None = None,
        *,
        of: str = "",
        inside: Element | None = None,
        **attributes: str,
    ) -> list[Element]:
        """Visible elements in document order.

        Args:
            tag: Tag names, separated by spaces.
            text: Their whole text.
            of: A class that they have.
            inside: Element that they are in.
            attributes: Values of attributes; ``data_color`` is ``data-color``.
        """
        tags = tag.split()
        return [
            one
            for one in (inside or self._root()).walk()
            if (not tags or one.tag in tags)
            and (text is None or one.text == text)
            and (not of or of in one.attributes.get("class", "").split())
            and all(
                one.attributes.get(name.replace("_", "-")) == value
                for name, value in attributes.items()
            )
        ]

    def one(self, tag: str = "", text: str | None = None, **rest: Any) -> Element:
        """First of `all`.

        Raises:
            UsageError: There is none.
        """
        found = self.all(tag, text, **rest)
        if not found:
            raise UsageError(f"no element {tag!r} {text!r} {rest} on the page for {self.goal!r}")
        return found[0]

    def labelled(self, tag: str) -> list[tuple[Element, str]]:
        """Elements of a tag, each with its placeholder and the text that labels it.

        That is the last text before it, or the next one where a page begins with a field.
        """
        parts = [part for part in _texts_and(tag, self._root()) if part != " "]
        if parts and not isinstance(parts[0], str):
            pairs = list(zip(parts, [*parts[1:], ""], strict=True))
        else:
            pairs = [(one, before) for before, one in pairwise(parts)]
        return [
            (
                one,
                f"{one.attributes.get('placeholder', '')} {text if isinstance(text, str) else ''}",
            )
            for one, text in pairs
            if not isinstance(one, str)
        ]

    def click(self, element: Element) -> Action:
        """A click."""
        return Action.call("click", element=self._id(element))

    def fill(self, element: Element, text: str) -> Action:
        """A field's new text."""
        return Action.call("fill", element=self._id(element), text=text)

    def select(self, element: Element, *options: str) -> Action:
        """A choice from a list."""
        chosen = list(options) if len(options) > 1 else options[0]
        return Action.call("select_option", element=self._id(element), options=chosen)

    def press(self, key: str, element: Element | None = None) -> Action:
        """A key."""
        if element is None:
            return Action.call("press", key=key)
        return Action.call("press", key=key, element=self._id(element))

    def hover(self, element: Element) -> Action:
        """A move of the pointer."""
        return Action.call("hover", element=self._id(element))

    def drag(self, start: Element, end: Element) -> Action:
        """A drag."""
        return Action.call("drag", start=self._id(start), end=self._id(end))

    def submit(self) -> Action:
        """A click on the button that submits."""
        return self.click(self.one("button", "Submit"))

    async def ask(self, expression: str) -> Any:
        """Value of a JavaScript expression in the page: for what an image alone shows."""
        return await self._env.driver.evaluate(expression)

    def _id(self, element: Element) -> int:
        """Id of an element; where it has none, of what is shown in its place, inside or around."""
        around = [one for one in self._root().walk() if element in one.walk()]
        for one in (*element.walk(), *reversed(around)):
            if (id := self._env.shown_id(one)) is not None:
                return id
        raise UsageError(f"<{element.tag}> {element.text[:40]!r} was not shown to the agent")

    def _root(self) -> Element:
        page = self._env.page
        if page is None or page.root is None:
            raise UsageError("there is no page yet")
        return page.root


def number_in(text: str) -> int:
    """First whole number in a text."""
    found = re.search(r"-?\d+", text)
    if found is None:
        raise UsageError(f"no number in {text!r}")
    return int(found[0])


def _texts_and(tag: str, element: Element) -> Iterator[Element | str]:
    for child in element.children:
        if isinstance(child, str):
            yield child.strip() or " "
            continue
        if child.tag == tag:
            yield child
        yield from _texts_and(tag, child)
