"""Markup of the sites: pages as trees of elements, which are also what an agent observes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from envgym.environments.web.observation.elements import Element

_VOID = frozenset(["br", "hr", "img", "input", "link", "meta"])
Child = Element | str | None


def h(tag: str, /, *children: Child | Iterable[Child], **attributes: object) -> Element:
    """Element; None among children is left out, True and False switch an attribute.

    A trailing underscore in an attribute's name is dropped, other ones are hyphens: ``for_``,
    ``aria_label``.
    """
    found: dict[str, str] = {}
    for name, value in attributes.items():
        if value is not None and value is not False:
            found[name.rstrip("_").replace("_", "-")] = "" if value is True else str(value)
    below: list[Element | str] = []
    for child in children:
        if isinstance(child, str | Element):
            below.append(child)
        elif child is not None:
            below += [one for one in child if one is not None]
    return Element(tag, found, below)


def link(text: str, href: str) -> Element:
    """Link."""
    return Element("a", {"href": href}, [text])


def field(label: str, name: str, value: str = "", type: str = "text") -> Element:
    """Labelled text field."""
    attributes = {"id": f"f-{name}", "name": name, "type": type, "value": value}
    return h("p", h("label", label, for_=f"f-{name}"), " ", Element("input", attributes))


def area(label: str, name: str, value: str = "") -> Element:
    """Labelled text area."""
    attributes = {"id": f"f-{name}", "name": name}
    return h(
        "p", h("label", label, for_=f"f-{name}"), " ", Element("textarea", attributes, [value])
    )


def choice(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str = "") -> Element:
    """Labelled list; `options` are pairs of value and text."""
    made = [
        Element("option", {"value": v, "selected": ""} if v == chosen else {"value": v}, [text])
        for v, text in options
    ]
    attributes = {"id": f"f-{name}", "name": name}
    return h("p", h("label", label, for_=f"f-{name}"), " ", Element("select", attributes, [*made]))


def check(label: str, name: str, checked: bool = False) -> Element:
    """Labelled checkbox."""
    attributes = {"type": "checkbox", "name": name, "value": "yes"}
    if checked:
        attributes["checked"] = ""
    return h("p", h("label", Element("input", attributes), " " + label))


def button(text: str, name: str = "", value: str = "") -> Element:
    """Button that submits its form."""
    return Element("button", {"name": name, "value": value} if name else {}, [text])


def form(action: str, *children: Child | Iterable[Child], method: str = "post") -> Element:
    """Form; the server alone judges its fields, and a browser keeps none of them."""
    return h("form", *children, action=action, method=method, novalidate=True, autocomplete="off")


def render(element: Element, base: str = "") -> str:
    """HTML of an element. `base` is put before addresses of the site."""
    parts: list[str] = []
    _render(element, base, parts)
    return "".join(parts)


def _render(element: Element, base: str, parts: list[str]) -> None:
    tag = element.tag
    parts.append(f"<{tag}")
    for name, value in element.attributes.items():
        if base and name in ("href", "action") and value.startswith("/"):
            value = base + value
        parts.append(f' {name}="{escape(value)}"' if value or name == "value" else f" {name}")
    parts.append(">")
    if tag in _VOID:
        return
    for child in element.children:
        if isinstance(child, str):
            parts.append(escape(child, quote=False))
        else:
            _render(child, base, parts)
    parts.append(f"</{tag}>")
