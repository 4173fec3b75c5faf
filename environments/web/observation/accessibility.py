"""Accessibility tree: role, name and state of the elements that a reader or an agent needs.

The roles are those of HTML-AAM, the names follow the accessible-name computation (W3C accname 1.2)
for its common cases. The form is BrowserGym's: elements without a role of their own are left out,
and a text that already is a name is not repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from envgym.environments.web.observation.elements import INLINE, Element, Page

_ROLES: Mapping[str, str] = {
    "article": "article",
    "aside": "complementary",
    "button": "button",
    "canvas": "canvas",
    "dialog": "dialog",
    "fieldset": "group",
    "footer": "contentinfo",
    "form": "form",
    "header": "banner",
    "img": "image",
    "li": "listitem",
    "main": "main",
    "meter": "meter",
    "nav": "navigation",
    "ol": "list",
    "optgroup": "group",
    "option": "option",
    "output": "status",
    "progress": "progressbar",
    "select": "combobox",
    "summary": "button",
    "table": "table",
    "td": "cell",
    "textarea": "textbox",
    "th": "columnheader",
    "tr": "row",
    "ul": "list",
}
_INPUTS: Mapping[str, str] = {
    "button": "button",
    "checkbox": "checkbox",
    "color": "color",
    "date": "date",
    "file": "file",
    "image": "button",
    "number": "spinbutton",
    "radio": "radio",
    "range": "slider",
    "reset": "button",
    "search": "searchbox",
    "submit": "button",
    "time": "time",
}
_SHAPES = frozenset(["circle", "ellipse", "line", "path", "polygon", "polyline", "rect", "text"])
_NAMED_BY_CONTENT = frozenset(
    [
        "button",
        "cell",
        "checkbox",
        "clickable",
        "columnheader",
        "heading",
        "link",
        "listitem",
        "menuitem",
        "option",
        "radio",
        "row",
        "rowheader",
        "status",
        "switch",
        "tab",
        "treeitem",
    ]
)
_GROUPS = frozenset(["cell", "clickable", "columnheader", "listitem", "row", "status"])
"""Roles that take their name from content only where it is plain text."""
_CONTAINERS = frozenset(["banner", "contentinfo", "form", "group", "main", "complementary"])
"""Roles shown only where they have a name."""
_STATES = ("disabled", "readonly", "required", "focused")


@dataclass(slots=True)
class Node:
    """A node of the tree: an element with a role, or a text (role ``StaticText``).

    Attributes:
        element: Its element; None for a text.
        states: What stands after the name: ``value='x'``, ``checked``, ``level=2``.
    """

    role: str
    name: str
    element: Element | None = None
    states: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)


def accessibility_tree(page: Page) -> list[Node]:
    """Nodes of a page, top level first."""
    if page.root is None:
        return []
    labels: dict[str, str] = {}
    ids: dict[str, Element] = {}
    for element in page.root.walk():
        attributes = element.attributes
        if "id" in attributes:
            ids.setdefault(attributes["id"], element)
        if element.tag == "label" and "for" in attributes:
            labels[attributes["for"]] = element.text
    nodes: list[Node] = []
    _Builder(labels, ids).children(page.root, nodes, "", None)
    return nodes


def role_of(element: Element) -> str:
    """Role of an element; empty for one without a role of its own."""
    attributes = element.attributes
    if (role := attributes.get("role")) is not None:
        return "" if role in ("none", "presentation", "generic") else role.split(" ")[0]
    tag = element.tag
    if tag == "input":
        return _INPUTS.get(attributes.get("type", "text").lower(), "textbox")
    if tag == "a":
        if "href" in attributes:
            return "link"
    elif tag == "select":
        return "listbox" if "multiple" in attributes else "combobox"
    elif (role := _ROLES.get(tag)) is not None:
        return role
    elif len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
        return "heading"
    elif tag in _SHAPES and "box" in attributes:
        return tag
    if attributes.get("contenteditable") in ("", "true"):
        return "textbox"
    if "clickable" in attributes or "tabindex" in attributes or "draggable" in attributes:
        return "clickable"
    return ""


class _Builder:
    def __init__(self, labels: dict[str, str], ids: dict[str, Element]) -> None:
        self._labels = labels
        self._ids = ids

    def children(self, element: Element, into: list[Node], named: str, label: str | None) -> None:
        """Append the nodes below an element.

        Args:
            named: Name of the node that they are in, not repeated as a text.
            label: Text of the label that they are in.
        """
        text: list[str] = []
        self._collect(element, into, text, named, label)
        _flush(text, into, named)

    def _collect(
        self, element: Element, into: list[Node], text: list[str], named: str, label: str | None
    ) -> None:
        """Append nodes; texts of inline elements run on until something ends them."""
        for child in element.children:
            if isinstance(child, str):
                text.append(child)
                continue
            role = role_of(child)
            if role:
                node = self._node(child, role, label)
                if node is not None:
                    _flush(text, into, named)
                    into.append(node)
                    continue
            if child.tag == "label":
                # It names a field, so it is no text of its own.
                name = child.text
                below: list[Node] = []
                self.children(child, below, name, name)
                _flush(text, into, named)
                labels_one = any(node.element is not None for node in below)
                if labels_one or child.attributes.get("for", "") in self._ids:
                    into += [n for n in below if n.element is not None or n.name != name]
                else:
                    text.append(name)
                continue
            inside = label
            if child.tag in INLINE:
                self._collect(child, into, text, named, inside)
            else:
                _flush(text, into, named)
                self._collect(child, into, text, named, inside)
                _flush(text, into, named)

    def _node(self, element: Element, role: str, label: str | None) -> Node | None:
        name = self._name(element, role, label)
        if role in _CONTAINERS and not name:
            return None
        node = Node(role, name, element, _states(element, role, name))
        if role not in ("combobox", "listbox") or element.tag == "select":
            self.children(element, node.children, name, None)
        if role in _NAMED_BY_CONTENT and _only_text(node.children):
            node.children = []
        if role in ("cell", "listitem") and not name and "clickable" not in element.attributes:
            if not node.children:
                return None
            if len(node.children) == 1:
                return node.children[0]
        return node

    def _name(self, element: Element, role: str, label: str | None) -> str:
        attributes = element.attributes
        if (by := attributes.get("aria-labelledby")) is not None:
            found = (self._ids[id].text for id in by.split() if id in self._ids)
            if name := " ".join(found):
                return name
        if name := attributes.get("aria-label", ""):
            return name
        if element.tag in ("input", "select", "textarea"):
            if role == "button":
                return attributes.get("value") or attributes.get("title") or "Submit"
            name = self._labels.get(attributes.get("id", ""), "") or label or ""
            return name or attributes.get("placeholder") or attributes.get("title") or ""
        if element.tag == "img":
            return attributes.get("alt", "")
        if element.tag == "text" or (
            role in _NAMED_BY_CONTENT and (role not in _GROUPS or _is_plain(element))
        ):
            return element.text or attributes.get("label", "") or attributes.get("title", "")
        return attributes.get("title", "") or attributes.get("label", "")


def _is_plain(element: Element) -> bool:
    """Flag that nothing below has a role of its own."""
    return not any(
        not isinstance(child, str) and (role_of(child) or not _is_plain(child))
        for child in element.children
    )


def _only_text(nodes: list[Node]) -> bool:
    return all(node.role == "StaticText" for node in nodes)


def _flush(text: list[str], into: list[Node], named: str) -> None:
    if not text:
        return
    words = " ".join("".join(text).split())
    text.clear()
    if words and words != named:
        into.append(Node("StaticText", words))


def _states(element: Element, role: str, name: str) -> list[str]:
    attributes = element.attributes
    states = []
    if role == "heading" and element.tag[0] == "h":
        states.append(f"level={element.tag[1]}")
    if element.tag == "select":
        chosen = [one.text for one in element.walk() if "selected" in one.attributes]
        states += [f"value={text!r}" for text in chosen]
    elif "value" in attributes and role in _VALUED and attributes["value"]:
        states.append(f"value={attributes['value']!r}")
    for name in ("min", "max") if role in ("slider", "spinbutton") else ():
        if name in attributes:
            states.append(f"{name}={attributes[name]}")
    if role in ("checkbox", "radio", "switch") and element.tag == "input":
        states.append("checked" if "checked" in attributes else "unchecked")
    if "aria-selected" in attributes and attributes["aria-selected"] == "true":
        states.append("selected")
    if "aria-expanded" in attributes:
        states.append("expanded" if attributes["aria-expanded"] == "true" else "collapsed")
    states += [name for name in _STATES if name in attributes]
    if role in _UNNAMED and not name:
        if "class" in attributes:
            states.append(f"class={attributes['class']!r}")
        if "background" in attributes:
            states.append(f"background={attributes['background']!r}")
    if role in _SHAPES or role == "canvas":
        states += [
            f"{name}={attributes[name]!r}" for name in ("fill", "stroke") if name in attributes
        ]
        states.append(f"box={attributes['box']}")
    return states


_UNNAMED = frozenset(["button", "clickable", "link"])
"""Roles whose elements are told apart by class and colour where they have no name: icons."""
_VALUED = frozenset(["textbox", "searchbox", "spinbutton", "slider", "date", "time", "color"])
