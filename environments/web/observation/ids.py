"""Element ids of an episode: small numbers that stay with an element and are never used again."""

from __future__ import annotations

from envgym.environments.web.observation.elements import Element
from envgym.errors import ToolError


class ElementIds:
    """Ids that the agent has seen, with the elements they stand for.

    An id is given when an element is first shown. After a navigation, ids of the former page are
    stale: using one is an error that says so, not an action on another element.
    """

    def __init__(self) -> None:
        self._next = 1
        self._by_handle: dict[int, int] = {}
        self._elements: dict[int, Element] = {}

    def clear(self) -> None:
        """Begin an episode."""
        self._next = 1
        self.leave()

    def leave(self) -> None:
        """Begin a new document: all ids given so far become stale."""
        self._by_handle.clear()
        self._elements.clear()

    def of(self, element: Element) -> int:
        """Id of a shown element."""
        id = self._by_handle.get(element.handle)
        if id is None:
            id = self._by_handle[element.handle] = self._next
            self._next += 1
        self._elements[id] = element
        return id

    def shown(self, element: Element) -> int | None:
        """Id of an element; None for one that was not shown."""
        return self._by_handle.get(element.handle)

    def find(self, id: int) -> Element:
        """Element of an id.

        Raises:
            ToolError: The id was never shown, or belongs to a page that was left.
        """
        element = self._elements.get(id)
        if element is None:
            why = "is of a page that was left" if 0 < id < self._next else "was never shown"
            raise ToolError(f"element [{id}] {why}; use an id of the latest page.")
        return element
