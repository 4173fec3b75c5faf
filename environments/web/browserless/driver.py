"""Driver of a site without a browser: links, forms and history as HTML defines them.

It agrees with Chromium on clicks, fields, lists, the Enter key, addresses and history; there is no
layout, so nothing is hidden or covered, and scrolling and hovering change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from envgym.environments.web.driver import Direction
from envgym.environments.web.observation.elements import Element, Page
from envgym.environments.web.requests import Request
from envgym.environments.web.sites.site import Moved, Site
from envgym.errors import ToolError

_MOST_REDIRECTS = 10
_BUTTONS = frozenset(["submit", "image", "reset", "button"])
_NO_TEXT = _BUTTONS | {"checkbox", "radio", "file"}


class SiteDriver:
    """See `Driver`.

    Args:
        site: Site of the episode; its pages become the page's own, and may be changed.
    """

    def __init__(self, site: Site) -> None:
        self.documents = 0
        self._site = site
        self._history: list[str] = []
        self._page = Page("about:blank", "", None)
        self._parents: dict[Element, Element] = {}
        self._focus: Element | None = None

    async def look(self) -> Page:
        """See `Driver`."""
        return self._page

    async def click(self, element: Element, count: int = 1) -> None:
        """See `Driver`."""
        self.click_now(element)

    def click_now(self, element: Element) -> None:
        """Click without waiting."""
        tag, attributes = element.tag, element.attributes
        if tag == "option":
            raise ToolError("the element is an option: use select_option on its list.")
        if "disabled" in attributes:
            return
        if tag == "a" and "href" in attributes:
            self._visit(urljoin(self._page.url, attributes["href"]))
        elif tag == "button" or (tag == "input" and attributes.get("type") in ("submit", "image")):
            if attributes.get("type", "submit") == "submit":
                self._submit(element)
        elif tag == "input" and attributes.get("type") == "checkbox":
            self._focus = element
            if attributes.pop("checked", None) is None:
                attributes["checked"] = ""
        elif tag == "input" and attributes.get("type") == "radio":
            self._focus = element
            self._choose_radio(element)
        elif tag in ("input", "textarea", "select"):
            self._focus = element
        else:
            self._click_around(element)

    async def hover(self, element: Element) -> None:
        """See `Driver`."""

    async def fill(self, element: Element, text: str) -> None:
        """See `Driver`."""
        kind = element.attributes.get("type", "text")
        if element.tag not in ("input", "textarea") or (
            element.tag == "input" and kind in _NO_TEXT
        ):
            raise ToolError("the element takes no text.")
        if element.attributes.keys() & {"disabled", "readonly"}:
            raise ToolError("the element is disabled.")
        if kind == "date" and text and not _is_date(text):
            raise ToolError(
                "the element does not take that value: dates are YYYY-MM-DD, times HH:MM."
            )
        if element.tag == "input":
            text = text.replace("\r", "").replace("\n", "")
        element.attributes["value"] = text
        self._focus = element

    async def select(self, element: Element, options: Sequence[str]) -> None:
        """See `Driver`."""
        if element.tag != "select":
            raise ToolError("the element is no list of options.")
        if "disabled" in element.attributes:
            raise ToolError("the element is disabled.")
        there = [one for one in element.walk() if one.tag == "option"]
        chosen = []
        for wanted in (" ".join(text.split()) for text in options):
            found = [one for one in there if one.text == wanted] or [
                one for one in there if one.attributes.get("value") == wanted
            ]
            if not found or "disabled" in found[0].attributes:
                raise ToolError("the element has no such option, or it is disabled.")
            chosen.append(found[0])
        if len(chosen) > 1 and "multiple" not in element.attributes:
            raise ToolError("the element takes one option only.")
        for one in there:
            one.attributes.pop("selected", None)
        for one in chosen:
            one.attributes["selected"] = ""
        self._focus = element

    async def press(self, element: Element | None, key: str) -> None:
        """See `Driver`."""
        at = element if element is not None else self._focus
        if key != "Enter":
            raise ToolError("without a browser only the Enter key can be pressed.")
        if at is None or at.tag in ("textarea", "select"):
            return
        if at.tag == "input" and at.attributes.get("type") not in _BUTTONS:
            form = self._form(at)
            first = form and next((one for one in form.walk() if one.tag == "button"), None)
            if first is not None:
                self._submit(first)
        else:
            self.click_now(at)

    async def scroll(self, element: Element | None, direction: Direction) -> None:
        """See `Driver`."""

    async def drag(self, start: Element, end: Element) -> None:
        """See `Driver`."""

    async def goto(self, url: str) -> None:
        """See `Driver`."""
        self._visit(urljoin(self._page.url, url) if self._history else url)

    async def back(self) -> None:
        """See `Driver`."""
        if len(self._history) < 2:
            raise ToolError("there is no page before this one.")
        self._history.pop()
        self._load(Request("GET", self._history[-1]))

    def notices(self) -> list[str]:
        """See `Driver`."""
        return []

    async def evaluate(self, expression: str) -> Any:
        """See `Driver`."""
        raise ToolError("without a browser there are no scripts.")

    def _visit(self, url: str, body: str | None = None) -> None:
        request = Request("GET" if body is None else "POST", url, body or "")
        before = self._page.url
        self._load(request)
        if self._history and body is None and url == before:
            self._history[-1] = self._page.url
        else:
            self._history.append(self._page.url)

    def _load(self, request: Request) -> None:
        for _ in range(_MOST_REDIRECTS):
            result = self._site.result(request)
            if result is None:
                raise ToolError(f"cannot open {request.url}: {request.url} is out of reach.")
            if not isinstance(result, Moved):
                break
            request = Request("GET", self._site.origin + result.to)
        else:
            raise ToolError(f"cannot open {request.url}: it redirects without end.")
        self.documents += 1
        self._focus = None
        self._parents.clear()
        self._enter(result.body, 1)
        url = request.url if urlsplit(request.url).path else request.url + "/"
        self._page = Page(url, result.title, result.body)

    def _enter(self, element: Element, handle: int) -> int:
        """Number the elements of a new page and give its fields their state; the next number."""
        element.handle = handle
        attributes = element.attributes
        if element.tag == "input":
            if attributes.get("type") not in ("checkbox", "radio"):
                attributes.setdefault("value", "")
        elif element.tag == "textarea":
            attributes["value"] = "".join(c for c in element.children if isinstance(c, str))
            element.children = []
        elif element.tag == "select":
            options = [one for one in element.children if isinstance(one, Element)]
            if options and not any("selected" in one.attributes for one in options):
                options[0].attributes["selected"] = ""
        handle += 1
        for child in element.children:
            if not isinstance(child, str):
                self._parents[child] = element
                handle = self._enter(child, handle)
        return handle

    def _form(self, element: Element) -> Element | None:
        around: Element | None = element
        while around is not None and around.tag != "form":
            around = self._parents.get(around)
        return around

    def _submit(self, button: Element) -> None:
        form = self._form(button)
        if form is None:
            return
        sent = urlencode(_successful(form, button))
        target = urljoin(self._page.url, form.attributes.get("action", ""))
        if form.attributes.get("method", "get").lower() == "post":
            self._visit(target, sent)
        else:
            self._visit(target.partition("?")[0] + "?" + sent)

    def _choose_radio(self, element: Element) -> None:
        form, name = self._form(element), element.attributes.get("name")
        for one in form.walk() if form is not None else ():
            if one.attributes.get("type") == "radio" and one.attributes.get("name") == name:
                one.attributes.pop("checked", None)
        element.attributes["checked"] = ""

    def _click_around(self, element: Element) -> None:
        """Click on what has no action itself: a link, a button or a label around it has."""
        around: Element | None = element
        while around is not None:
            if around.tag in ("a", "button"):
                self.click_now(around)
                return
            if around.tag == "label":
                control = self._labelled(around)
                if control is not None:
                    self.click_now(control)
                return
            around = self._parents.get(around)
        self._focus = None

    def _labelled(self, label: Element) -> Element | None:
        wanted = label.attributes.get("for")
        if wanted is None:
            inside = (one for one in label.walk() if one.tag in ("input", "select", "textarea"))
            return next(inside, None)
        root = self._page.root
        found = (one for one in root.walk() if one.attributes.get("id") == wanted) if root else ()
        return next(iter(found), None)


def _successful(form: Element, button: Element) -> list[tuple[str, str]]:
    """Names and values that a form submits: HTML's successful controls, in order."""
    sent = []
    for one in form.walk():
        attributes = one.attributes
        name = attributes.get("name", "")
        if not name or "disabled" in attributes:
            continue
        if one.tag == "select":
            sent += [
                (name, option.attributes.get("value", option.text))
                for option in one.walk()
                if "selected" in option.attributes
            ]
        elif one.tag == "textarea":
            sent.append((name, attributes.get("value", "").replace("\n", "\r\n")))
        elif one.tag == "button" or attributes.get("type") in _BUTTONS:
            if one is button:
                sent.append((name, attributes.get("value", "")))
        elif one.tag == "input" and (
            attributes.get("type") not in ("checkbox", "radio") or "checked" in attributes
        ):
            sent.append((name, attributes.get("value", "on")))
    return sent


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
